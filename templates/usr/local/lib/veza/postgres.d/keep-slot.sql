-- Needs :slot. A primary keeps what it writes for the node that the slot is named after. A standby that has not followed yet keeps the place that it has.
select count(pg_drop_replication_slot(slot_name)) from pg_replication_slots
where slot_name = :'slot' and not active and wal_status = 'lost';
select count(pg_create_physical_replication_slot(:'slot', true))
where not exists (select from pg_replication_slots where slot_name = :'slot');
