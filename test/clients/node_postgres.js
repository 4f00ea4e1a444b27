// What node-postgres does with foreign tables: run by test/t/092_node_postgres.pl.
//
//     node node_postgres.js CONNINFO STEP [ARGUMENT]
//
// CONNINFO is a JSON object; prints what the step saw, a JSON object.
'use strict';

const { Client, Pool, types } = require('pg');
const Cursor = require('pg-cursor');

const ACCOUNT = '7002238017842757633';
const ADS = 'SELECT ad_id, stat_time_day, spend FROM ads.ads_reports_daily'
	+ ' WHERE advertiser_id = $1 AND stat_time_day BETWEEN $2 AND $3';
const JUNE = [ACCOUNT, '2026-06-01', '2026-06-29'];
const HALF_YEAR = [ACCOUNT, '2026-01-01', '2026-06-29'];

// a day is a day, not midnight somewhere
types.setTypeParser(types.builtins.DATE, (text) => text);

const connection = JSON.parse(process.argv[2]);

async function connected(work) {
	const client = new Client(connection);

	await client.connect();
	try {
		return await work(client);
	} finally {
		await client.end();
	}
}

const rowsOf = (result) => result.rows.map(Object.values);

const steps = {
	// lists, days and numbers as parameters
	async values(client, ids) {
		const result = await client.query(ADS + ' AND ad_id = ANY ($4) AND spend > $5 LIMIT $6',
			[...JUNE, ids.split(','), 0.5, 1000]);
		const one = result.rows[0];

		return { types: Object.values(one).map((value) => typeof value), rows: rowsOf(result) };
	},

	// a named statement, executed with other values each time
	async prepared(client, times) {
		const runs = [];

		for (let i = 0; i < Number(times); i++) {
			const day = `2026-06-${10 + i}`;

			runs.push(rowsOf(await client.query({ name: 'of_day', text: ADS, values: [ACCOUNT, day, day] })));
		}
		const plans = await client.query('SELECT generic_plans::int AS generic, custom_plans::int AS custom'
			+ " FROM pg_prepared_statements WHERE name = 'of_day'");

		return { runs, ...plans.rows[0] };
	},

	// a cursor to its end, a hundred rows at a time
	async whole(client) {
		const cursor = client.query(new Cursor(ADS, HALF_YEAR, { rowMode: 'array' }));
		const rows = [];

		for (;;) {
			const some = await cursor.read(100);

			rows.push(...some);
			if (some.length < 100)
				break;
		}
		await cursor.close();
		return { rows };
	},

	// a cursor that is closed after ten rows
	async early(client) {
		const cursor = client.query(new Cursor(ADS, HALF_YEAR));
		const some = await cursor.read(10);

		await cursor.close();
		return { rows: some.length, usable: (await client.query('SELECT 1 AS one')).rows[0].one };
	},

	// a pool whose clients ask at the same time
	async pool() {
		const pool = new Pool({ ...connection, max: 4 });
		const days = Array.from({ length: 8 }, (_, i) => `2026-06-1${i}`);
		const results = await Promise.all(days.map((day) => pool.query(ADS, [ACCOUNT, day, day])));

		await pool.end();
		return { rows: results.flatMap(rowsOf) };
	},

	// no day; a query that takes too long; the session goes on after both
	async errors(client) {
		const failed = async (text, values) => {
			try {
				await client.query(text, values);
				return {};
			} catch (e) {
				return { code: e.code, hint: e.hint };
			}
		};
		const none = await failed('SELECT * FROM ads.ads_reports_daily');

		await client.query("SET statement_timeout = '2s'");
		const slow = await failed(ADS, HALF_YEAR);

		await client.query('RESET statement_timeout');
		return { none, slow, usable: (await client.query('SELECT 1 AS one')).rows[0].one };
	},
};

connected((client) => steps[process.argv[3]](client, process.argv[4]))
	.then((saw) => console.log(JSON.stringify(saw)))
	.catch((e) => {
		console.error(e);
		process.exitCode = 1;
	});
