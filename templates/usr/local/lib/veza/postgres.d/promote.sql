-- Makes this standby a primary within :seconds and prints its timeline; nothing when it has not become one by then.
-- Then keeps what it writes for the other node, whose slot is :slot. Asked to wait, pg_promote looks ten times a second.
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
select case when not pg_is_in_recovery() then ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end as timeline,
  not pg_is_in_recovery() as promoted \gset
\if :promoted
select count(pg_drop_replication_slot(slot_name)) from pg_replication_slots
where slot_name = :'slot' and not active and restart_lsn is null \g /dev/null
select count(pg_create_physical_replication_slot(:'slot', true))
where not exists (select from pg_replication_slots where slot_name = :'slot') \g /dev/null
\echo :timeline
\endif
