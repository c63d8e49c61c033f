-- Makes this standby a primary within :seconds and prints its timeline; nothing when it has not become one by then. With
-- :after it has to replay the record at that position first, within :replaySeconds: otherwise nothing happens, and `behind`
-- is printed. Asked to wait itself, pg_promote looks ten times a second.
set search_path = pg_catalog;
select
  set_config('veza.seconds', :'seconds', false), set_config('veza.after', :'after', false),
  set_config('veza.replay_seconds', :'replaySeconds', false), set_config('veza.behind', '', false)
\g /dev/null
do $$
declare
  after pg_lsn := nullif(current_setting('veza.after'), '');
  deadline timestamptz := clock_timestamp() + make_interval(secs => current_setting('veza.replay_seconds')::int);
begin
  while pg_is_in_recovery() and pg_last_wal_replay_lsn() > after is not true and after is not null loop
    if clock_timestamp() > deadline then
      perform set_config('veza.behind', 'behind', false);
      return;
    end if;
    perform pg_sleep(0.01);
  end loop;
  deadline := clock_timestamp() + make_interval(secs => current_setting('veza.seconds')::int);
  if pg_is_in_recovery() then
    perform pg_promote(false);
  end if;
  while pg_is_in_recovery() and clock_timestamp() < deadline loop
    perform pg_sleep(0.01);
  end loop;
end $$;
select case
  when pg_is_in_recovery() then nullif(current_setting('veza.behind'), '')
  else (('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int)::text
end;
