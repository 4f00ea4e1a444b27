-- What snapshots need of C: facts about a source, locks, owners, errors.

CREATE FUNCTION tiktok.accounts(source regclass)
RETURNS SETOF bigint
AS 'MODULE_PATHNAME', 'tiktok_snapshot_accounts'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok.accounts(regclass) IS
'the accounts that a scan of the foreign table asks for: those of the option advertiser_ids, or of the Business Centers of the option bc_id (one request for 50 accounts), or every account of the token (one request; needs app_id and secret)';

CREATE FUNCTION tiktok._source(source regclass,
	OUT stream text,
	OUT grain text,
	OUT time_column text,
	OUT span integer,
	OUT account_param text,
	OUT concurrency integer,
	OUT start_date date,
	OUT accounts_named boolean)
AS 'MODULE_PATHNAME', 'tiktok_snapshot_source'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION tiktok._source(regclass) IS
'internal: a foreign table of tiktok_fdw that the caller may read; 42809 if it is none, 42501 if not, 0A000 for a report by period. grain: hour, day, week or month; span: days that are read at once, for grain week and month those of one; 0: any';

CREATE FUNCTION tiktok._source_columns(source regclass,
	OUT name text,
	OUT attnum smallint,
	OUT is_account boolean,
	OUT in_key boolean,
	OUT signed_url boolean,
	OUT description text,
	OUT additive boolean,
	OUT takes_many boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_snapshot_source_columns'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION tiktok._source_columns(regclass) IS
'internal: its columns. signed_url: changes by itself, so that it does not count as a change; takes_many: requests name many of its values at a time';

CREATE FUNCTION tiktok._lock(target regclass, session boolean)
RETURNS boolean
AS 'MODULE_PATHNAME', 'tiktok_snapshot_lock'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok._lock(regclass, boolean) IS
'internal: takes the lock of a target, until _unlock() or an error (session) or the end of the transaction; false if it is taken';

CREATE FUNCTION tiktok._unlock(target regclass)
RETURNS void
AS 'MODULE_PATHNAME', 'tiktok_snapshot_unlock'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok._unlock(regclass) IS
'internal: gives the lock of a target back';

CREATE FUNCTION tiktok._lock_name(schema text, name text, wait boolean)
RETURNS boolean
AS 'MODULE_PATHNAME', 'tiktok_snapshot_lock_name'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok._lock_name(text, text, boolean) IS
'internal: takes the lock of a name, until the end of the transaction, so that one session at a time makes something of it; false if it is taken, or (wait) later. No lock for who may make nothing of that name';

CREATE FUNCTION tiktok._check_owner(target regclass)
RETURNS void
AS 'MODULE_PATHNAME', 'tiktok_snapshot_check_owner'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok._check_owner(regclass) IS
'internal: 42501 unless the current user is the owner';

CREATE FUNCTION tiktok._check_no_block(what text)
RETURNS void
AS 'MODULE_PATHNAME', 'tiktok_snapshot_check_no_block'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok._check_no_block(text) IS
'internal: 25001 inside a transaction block';

CREATE FUNCTION tiktok._requests()
RETURNS bigint
AS 'MODULE_PATHNAME', 'tiktok_snapshot_requests'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION tiktok._requests() IS
'internal: requests that this session has sent';

CREATE FUNCTION tiktok._failed_account()
RETURNS bigint
AS 'MODULE_PATHNAME', 'tiktok_snapshot_failed_account'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION tiktok._failed_account() IS
'internal: the account whose reply raised the last error in this session since the last call; NULL: none did';

CREATE FUNCTION tiktok._raise(sqlstate text, message text, detail text, hint text)
RETURNS void
AS 'MODULE_PATHNAME', 'tiktok_snapshot_raise'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION tiktok._raise(text, text, text, text) IS
'internal: raises an error that was caught before';

CREATE FUNCTION tiktok._hour_comes_twice(hour timestamp)
RETURNS boolean
AS 'MODULE_PATHNAME', 'tiktok_snapshot_hour_comes_twice'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION tiktok._hour_comes_twice(timestamp) IS
'internal: whether there is a time zone whose clocks are put back over that hour';

CREATE FUNCTION tiktok._row_hash(VARIADIC "any")
RETURNS bigint
AS 'MODULE_PATHNAME', 'tiktok_snapshot_row_hash'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tiktok._row_hash("any") IS
'internal: the same number for values that are the same bit by bit (as by operator *=, NULLs too), another for others, but once in 2^64; for comparisons within a statement. At most 100 values: the number of some can be one of others'' values';
