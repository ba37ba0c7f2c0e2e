CREATE FUNCTION require_that(condition boolean, reason text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF condition IS NOT TRUE THEN RAISE EXCEPTION USING errcode = 'TG001', message = reason; END IF;
  RETURN true;
END $$;
