--: severity = "advisory"
-- A fresh instance brings newer ones along than the source has: shown, and no reason not to switch.
select quote_ident(extname), extversion from pg_extension
