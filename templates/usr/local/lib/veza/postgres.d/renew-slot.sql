-- Needs :slot. Run as the role that owns the connection which may still hold it.
select count(pg_terminate_backend(active_pid, 5000)) from pg_replication_slots
where slot_name = :'slot' and active_pid is not null;
select count(pg_drop_replication_slot(slot_name)) from pg_replication_slots
where slot_name = :'slot' and not active;
select count(pg_create_physical_replication_slot(:'slot', true))
where not exists (select from pg_replication_slots where slot_name = :'slot');
