-- What did all these questions cost? Every request is counted
SELECT endpoint, requests, retries, rows, pg_size_pretty(wire_bytes) AS received,
       throttled_ms, errors
FROM tiktok.stat_requests
ORDER BY endpoint;
