-- Needs :slot, the other node's. One that does not keep anything yet is made anew.
select count(pg_drop_replication_slot(slot_name)) from pg_replication_slots
where slot_name = :'slot' and not active and restart_lsn is null;
select count(pg_create_physical_replication_slot(:'slot', true))
where not exists (select from pg_replication_slots where slot_name = :'slot');
