-- Where Postgres runs otherwise than its own files say, a row each: `altered|SETTING|VALUE`, what ALTER SYSTEM has set;
-- `waiting|SETTING|`, what takes a restart; `read|SECONDS|`, when it has read its files last, since 1970.
select distinct on (name)
  'altered', coalesce(name, 'line ' || sourceline),
  case when name ~ 'conninfo|passphrase' or setting ~* 'passw' then '(not shown)'
    else regexp_replace(coalesce(setting, error), '[[:cntrl:]]', ' ', 'g') end
from pg_file_settings
where sourcefile = current_setting('data_directory') || '/postgresql.auto.conf'
order by name, seqno desc;
select 'waiting', name, '' from pg_settings where pending_restart order by name;
select 'read', floor(extract(epoch from pg_conf_load_time()))::bigint, '';
