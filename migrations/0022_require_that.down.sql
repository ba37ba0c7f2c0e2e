DROP FUNCTION require_that(boolean, text);
