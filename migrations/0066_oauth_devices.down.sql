update api_keys set revoked_at = now(), is_active = false, version = version + 1
  where revoked_at is null
    and client_id in (select id from oauth_clients where metadata_url is not null or cardinality(redirect_uris) = 0);--> statement-breakpoint
delete from oauth_clients where metadata_url is not null or cardinality(redirect_uris) = 0;--> statement-breakpoint
drop table oauth_devices;--> statement-breakpoint
alter table oauth_clients drop constraint oauth_clients_document;--> statement-breakpoint
alter table oauth_clients drop column devices;--> statement-breakpoint
alter table oauth_clients drop column read_again_at;--> statement-breakpoint
alter table oauth_clients drop column metadata_url;
