-- One row: role, system, timeline, current, receive, replay, lag, streaming, slot. Needs :peer, the peer's name in
-- pg_stat_replication, which also is its slot's.
select
  case when recovering then 'standby' else 'primary' end,
  (select system_identifier from pg_control_system()),
  case
    when recovering then
      greatest(
        (select timeline_id from pg_control_checkpoint()),
        (select min_recovery_end_timeline from pg_control_recovery()),
        receiver.received_tli
      )
    else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
  end,
  case when not recovering then pg_current_wal_lsn() end,
  case when recovering then pg_last_wal_receive_lsn() end,
  case when recovering then pg_last_wal_replay_lsn() end,
  -- Positions are not read at one moment, so the difference can be a little below nothing.
  case when behind < 0 then 0 else behind end,
  case when coalesce(receiver.status, sender.state) = 'streaming' then 'yes' else 'no' end,
  case when exists (select from pg_replication_slots where slot_name = :'peer') then 'yes' else 'no' end
from
  (select pg_is_in_recovery() as recovering) as node
  left join pg_stat_wal_receiver as receiver on true
  left join pg_stat_replication as sender on sender.application_name = :'peer' and sender.state = 'streaming'
  cross join lateral (
    select
      case
        when not recovering then pg_current_wal_lsn() - sender.replay_lsn
        when receiver.status = 'streaming' then
          greatest(receiver.latest_end_lsn, pg_last_wal_receive_lsn()) - pg_last_wal_replay_lsn()
      end as behind
  ) as lag;
