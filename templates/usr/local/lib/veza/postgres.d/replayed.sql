-- Whether the record at :position has been replayed, within :seconds.
set search_path = pg_catalog;
select set_config('veza.position', :'position', false), set_config('veza.seconds', :'seconds', false) \g /dev/null
do $$
declare
  deadline timestamptz := clock_timestamp() + make_interval(secs => current_setting('veza.seconds')::int);
begin
  while pg_is_in_recovery()
    and not coalesce(pg_last_wal_replay_lsn() > current_setting('veza.position')::pg_lsn, false)
    and clock_timestamp() < deadline
  loop
    perform pg_sleep(0.01);
  end loop;
end $$;
select pg_is_in_recovery() and coalesce(pg_last_wal_replay_lsn() > :'position'::pg_lsn, false);
