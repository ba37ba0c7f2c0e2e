CREATE TABLE "credit_accounts" (
	"organization_id" uuid PRIMARY KEY NOT NULL,
	"charged_before" numeric(24, 9) NOT NULL,
	"granted" numeric(24, 9) DEFAULT '0' NOT NULL,
	"burned" numeric(24, 9) DEFAULT '0' NOT NULL,
	"last_granted" numeric(24, 9) DEFAULT '0' NOT NULL,
	"low_balance" numeric(24, 9),
	"low_told_at" timestamp with time zone,
	"exhausted_told_at" timestamp with time zone,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "credit_grants" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"amount" numeric(24, 9) NOT NULL,
	"remaining" numeric(24, 9) NOT NULL,
	"burned" numeric(24, 9) DEFAULT '0' NOT NULL,
	"priority" integer DEFAULT 0 NOT NULL,
	"source" text NOT NULL,
	"reason" text,
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"period_start" timestamp with time zone,
	"rolled_over" numeric(24, 9),
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "credit_grants_source" CHECK ("credit_grants"."source" in ('purchase', 'plan', 'admin', 'refund')),
	CONSTRAINT "credit_grants_amounts" CHECK ("credit_grants"."remaining" >= 0 and "credit_grants"."burned" >= 0 and "credit_grants"."remaining" + "credit_grants"."burned" <= "credit_grants"."amount")
);
--> statement-breakpoint
CREATE TABLE "credit_ledger" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"grant_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"amount" numeric(24, 9) NOT NULL,
	"reason" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "credit_ledger_kind" CHECK ("credit_ledger"."kind" in ('grant', 'burn', 'return', 'expire', 'revoke', 'refund', 'correct')),
	CONSTRAINT "credit_ledger_amount" CHECK ("credit_ledger"."amount" <> 0)
);
--> statement-breakpoint
CREATE TABLE "credit_purchases" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"provider" text NOT NULL,
	"payment_id" text NOT NULL,
	"provider_customer_id" text,
	"credit_cents" bigint,
	"grant_id" uuid,
	"paid_cents" bigint DEFAULT 0 NOT NULL,
	"refunded_cents" bigint DEFAULT 0 NOT NULL,
	"taken_back" numeric(24, 9) DEFAULT '0' NOT NULL,
	"shortfall" numeric(24, 9) DEFAULT '0' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "credit_purchases_provider" CHECK ("credit_purchases"."provider" in ('polar', 'stripe'))
);
--> statement-breakpoint
CREATE TABLE "spend_caps" (
	"organization_id" uuid PRIMARY KEY NOT NULL,
	"cost_usd" numeric(24, 9) NOT NULL,
	"action" text NOT NULL,
	"told_period" timestamp with time zone,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "spend_caps_action" CHECK ("spend_caps"."action" in ('block', 'alert'))
);
--> statement-breakpoint
ALTER TABLE "plans" ADD COLUMN "included_credits_usd" numeric(24, 9);--> statement-breakpoint
ALTER TABLE "plans" ADD COLUMN "rollover_max_usd" numeric(24, 9);--> statement-breakpoint
ALTER TABLE "credit_accounts" ADD CONSTRAINT "credit_accounts_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credit_grants" ADD CONSTRAINT "credit_grants_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credit_purchases" ADD CONSTRAINT "credit_purchases_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "spend_caps" ADD CONSTRAINT "spend_caps_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "credit_grants_live" ON "credit_grants" USING btree ("organization_id","expires_at","priority","id") WHERE "credit_grants"."remaining" > 0;--> statement-breakpoint
CREATE INDEX "credit_grants_expiry" ON "credit_grants" USING btree ("expires_at") WHERE "credit_grants"."remaining" > 0;--> statement-breakpoint
CREATE INDEX "credit_grants_period" ON "credit_grants" USING btree ("organization_id","period_start") WHERE "credit_grants"."source" = 'plan';--> statement-breakpoint
CREATE INDEX "credit_ledger_organization" ON "credit_ledger" USING btree ("organization_id","id");--> statement-breakpoint
CREATE INDEX "credit_ledger_created" ON "credit_ledger" USING btree ("created_at") WHERE "credit_ledger"."kind" in ('grant', 'expire');--> statement-breakpoint
CREATE UNIQUE INDEX "credit_purchases_payment_unique" ON "credit_purchases" USING btree ("provider","payment_id");--> statement-breakpoint
CREATE INDEX "credit_purchases_organization" ON "credit_purchases" USING btree ("organization_id","created_at");--> statement-breakpoint
CREATE TRIGGER credit_ledger_append_only BEFORE UPDATE OR DELETE ON credit_ledger
FOR EACH ROW EXECUTE FUNCTION refuse_change();
