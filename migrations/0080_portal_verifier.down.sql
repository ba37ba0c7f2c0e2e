ALTER TABLE "portal_sessions" DROP COLUMN "verifier_hash";
