ALTER TABLE "portal_sessions" ADD COLUMN "verifier_hash" "bytea";
