-- Makes this standby a primary within :seconds and prints its timeline; nothing when it has not become one by then.
-- Asked to wait itself, pg_promote looks ten times a second.
select set_config('veza.seconds', :'seconds', false) \g /dev/null
do $$
declare
  deadline timestamptz := clock_timestamp() + make_interval(secs => current_setting('veza.seconds')::int);
begin
  if pg_is_in_recovery() then
    perform pg_promote(false);
  end if;
  while pg_is_in_recovery() and clock_timestamp() < deadline loop
    perform pg_sleep(0.01);
  end loop;
end $$;
select case when not pg_is_in_recovery() then ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end;
