-- A refresh writes: from the stage into the target, and that it did.

-- Attached, not created in place: readers of the table are not held up.
CREATE FUNCTION tiktok._create_partitions(job tiktok._job, step tiktok._step)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
	month date;
	name text;
	parent record;
BEGIN
	SELECT n.nspname, c.relname INTO parent FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = job.target;
	FOR month IN EXECUTE (job.statements).months
		USING step.accounts, step.first_day, step.last_day + 1
	LOOP
		name := parent.relname || to_char(month, '"_"YYYY"_"MM');
		IF octet_length(name) > 63 THEN
			name := format('tiktok_%s', job.target::oid) || to_char(month, '"_"YYYY"_"MM');
		END IF;
		name := format('%I.%I', parent.nspname, name);
		-- one that covers the month, whatever its name
		CONTINUE WHEN EXISTS (
			SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
			WHERE i.inhparent = job.target
				AND pg_get_expr(c.relpartbound, c.oid) LIKE
					format('FOR VALUES FROM (''%s%%'') TO (''%s%%'')', month,
						(month + interval '1 month')::date));
		EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS '
			'INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMMENTS)', name, job.target);
		EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
			job.target, name, month, (month + interval '1 month')::date);
	END LOOP;
END
$$;
COMMENT ON FUNCTION tiktok._create_partitions(tiktok._job, tiktok._step) IS
'internal: the partitions of months that are needed and missing (partition_by ''month'')';

CREATE FUNCTION tiktok._merged(job tiktok._job, step tiktok._step, counts tiktok._counts)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT tiktok._record(job.target, 'window', to_jsonb(counts) || to_jsonb(step)
		|| jsonb_build_object('run', job.run, 'end', job.end_day, 'read_on', job.read_on,
			'now', clock_timestamp(), 'windows', step.windows * cardinality(step.accounts),
			'requests', tiktok._requests() - job.requests))
$$;
COMMENT ON FUNCTION tiktok._merged(tiktok._job, tiktok._step, tiktok._counts) IS
'internal: records a merge';

-- The stage into the target. No SET search_path: triggers fire in here.
CREATE FUNCTION tiktok._merge(job tiktok._job, step tiktok._step)
RETURNS tiktok._counts
LANGUAGE plpgsql
AS $$
DECLARE
	counts tiktok._counts;
	now timestamptz := pg_catalog.clock_timestamp();
BEGIN
	EXECUTE (job.statements).measure
		INTO counts.inserted, counts.updated, counts.deleted, counts.unchanged
		USING step.accounts, step.first_day, step.last_day OPERATOR(pg_catalog.+) 1;
	IF job.partition_by IS NOT NULL AND counts.inserted OPERATOR(pg_catalog.>) 0 THEN
		PERFORM tiktok._create_partitions(job, step);
	END IF;
	-- nothing changed: the target is not even locked for writing
	IF counts.inserted OPERATOR(pg_catalog.+) counts.updated OPERATOR(pg_catalog.>) 0 THEN
		EXECUTE (job.statements).upsert USING step.accounts, step.first_day,
			step.last_day OPERATOR(pg_catalog.+) 1, now;
	END IF;
	IF counts.deleted OPERATOR(pg_catalog.>) 0 THEN
		EXECUTE (job.statements).remove USING step.accounts, step.first_day,
			step.last_day OPERATOR(pg_catalog.+) 1, now;
	END IF;
	PERFORM tiktok._merged(job, step, counts);
	RETURN counts;
END
$$;
COMMENT ON FUNCTION tiktok._merge(tiktok._job, tiktok._step) IS
'internal: writes what a window changed, and that it was read';
