-- Where roles and databases are otherwise than an update makes them: kind, subject, words, and the statement that makes
-- it so, where roles.sh does not do that in any case. Needs :owners, :logins (roles that have a password) and :databases
-- (DATABASE:OWNER), words each, and :columns, what is selected. Ends without a semicolon.
with
owners (owner) as (select string_to_table(:'owners', ' ')),
wanted (name, login, replication, groups, settings) as (
  values
    ('veza_health', true, false, array['pg_monitor', 'pg_use_reserved_connections'], array[]::text[]),
    ('replicator', true, true, array['pg_checkpoint'], array[]::text[])
  union all
  select owner, false, false, array[]::text[], array[]::text[] from owners
  union all
  select owner || suffix, owner || suffix = any (string_to_array(:'logins', ' ')), false, array[owner], array['role=' || owner]
  from owners, (values ('_a'), ('_b')) as suffixes (suffix)
),
there as (
  select wanted.*, pg_roles.*, (
    select coalesce(array_agg(parent.rolname::text), '{}')
    from pg_auth_members join pg_roles as parent on parent.oid = roleid where member = pg_roles.oid
  ) as member_of
  from wanted join pg_roles on rolname = name
),
databases (name, owner) as (
  select split_part(pair, ':', 1), split_part(pair, ':', 2) from string_to_table(:'databases', ' ') as pair
),
differences (kind, subject, words, statement) as (
  select 'role', name, 'there is no such role', null from wanted where name not in (select rolname from pg_roles)
  union all
  select 'role', name,
    format('it is %s, applied was %s', upper(case when has then '' else 'no' end || attribute), upper(case when has then 'no' else '' end || attribute)),
    format('alter role %I %s%s', name, case when has then 'no' else '' end, attribute)
  from there cross join lateral (
    values
      ('superuser', rolsuper, false), ('createdb', rolcreatedb, false), ('createrole', rolcreaterole, false),
      ('replication', rolreplication, replication), ('bypassrls', rolbypassrls, false), ('inherit', rolinherit, true),
      ('login', rolcanlogin, login)
  ) as attributes (attribute, has, should) where has <> should
  union all
  select 'role', name, format('it may have %s connections, applied was no limit', rolconnlimit), format('alter role %I connection limit -1', name)
  from there where rolconnlimit <> -1
  union all
  select 'role', name, format('its password is valid until %s, applied was no end', rolvaliduntil), format('alter role %I valid until %L', name, 'infinity')
  from there where rolvaliduntil <> 'infinity'
  union all
  select 'role', name, format('it is not in the role %s', missing), format('grant %I to %I', missing, name)
  from there, unnest(groups) as missing where missing <> all (member_of)
  union all
  select 'role', name, format('it is in the role %s, which was not applied', parent.rolname), format('revoke %I from %I granted by %I', parent.rolname, name, grantor.rolname)
  from there
    join pg_auth_members on member = there.oid
    join pg_roles as parent on parent.oid = roleid
    join pg_roles as grantor on grantor.oid = pg_auth_members.grantor
  where parent.rolname <> all (groups)
  union all
  select 'role', name, format('it has the setting %s, which was not applied', setting), format('alter role %I reset %I', name, split_part(setting, '=', 1))
  from there, unnest(rolconfig) as setting where setting <> all (settings)
  union all
  select 'role', name, format('it does not have the setting %s', setting), null
  from there, unnest(settings) as setting where setting <> all (coalesce(rolconfig, '{}'))
  union all
  select 'role', name, format('it may not run %s', needed::oid::regproc), null
  from there, unnest(array[
    'pg_ls_dir(text, boolean, boolean)', 'pg_stat_file(text, boolean)',
    'pg_read_binary_file(text)', 'pg_read_binary_file(text, bigint, bigint, boolean)'
  ]::regprocedure[]) as needed
  where name = 'replicator' and not has_function_privilege(there.oid, needed::oid, 'execute')
  union all
  select 'superuser', rolname, '', null
  from pg_roles where rolsuper and rolname <> 'postgres' and rolname not in (select name from wanted)
  union all
  select 'database', name, 'there is no such database; it would be made again, empty', null
  from databases where name not in (select datname from pg_database)
  union all
  select 'database', name, format('it belongs to %s, applied was %s', datdba::regrole, owner), null
  from databases join pg_database on datname = name where pg_get_userbyid(datdba) <> owner
  union all
  select 'database', name, 'every role may connect, applied was its owner alone', null
  from databases join pg_database on datname = name where has_database_privilege('public', pg_database.oid, 'connect')
  union all
  select 'database', name, 'it lets nobody connect', format('alter database %I allow_connections true', name)
  from databases join pg_database on datname = name where not datallowconn
  union all
  select 'database', name, format('it lets %s sessions in, applied was no limit', datconnlimit), format('alter database %I connection limit -1', name)
  from databases join pg_database on datname = name where datconnlimit <> -1
)
select :columns from differences
