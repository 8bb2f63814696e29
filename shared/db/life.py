"""Which life of the database this is: a restore or a failover begins another.

The timeline is that of what is being written. The control file's (`pg_control_checkpoint`) is that
of the last checkpoint: after a failover it stays the old one until the first new checkpoint is
complete, which takes minutes.
"""

LIFE = """(SELECT system_identifier::text AS system_id,
                  ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int AS timeline
           FROM pg_control_system())"""
