-- Whoever has a role of their organization's own keeps what every member may see.
update memberships set role = 'viewer' where custom_role is not null;--> statement-breakpoint
update invitations set role = 'viewer' where role not in ('owner', 'admin', 'member', 'viewer');--> statement-breakpoint
update directory_groups set role = null where role not in ('admin', 'member', 'viewer');--> statement-breakpoint
alter table memberships drop constraint memberships_role, drop column custom_role;--> statement-breakpoint
alter table memberships add constraint memberships_role check (role in ('owner', 'admin', 'member', 'viewer'));--> statement-breakpoint
alter table invitations add constraint invitations_role check (role in ('owner', 'admin', 'member', 'viewer'));--> statement-breakpoint
alter table directory_groups drop constraint directory_groups_role;--> statement-breakpoint
alter table directory_groups add constraint directory_groups_role check (role in ('admin', 'member', 'viewer'));--> statement-breakpoint
drop table roles;
