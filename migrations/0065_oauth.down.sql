update api_keys set revoked_at = now(), is_active = false where client_id is not null and revoked_at is null;--> statement-breakpoint
alter table api_keys drop column client_id;--> statement-breakpoint
drop table oauth_grants;--> statement-breakpoint
drop table oauth_codes;--> statement-breakpoint
drop table oauth_clients;
