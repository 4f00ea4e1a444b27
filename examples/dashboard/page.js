/*
 * Draws the page from the document that data.sql made. Sums are over accounts of
 * one currency; ratios are computed from sums. What TikTok's users have written gets
 * into the page as text only.
 */
'use strict';

const data = JSON.parse(document.getElementById('data').textContent);
const accounts = data.accounts ?? [];
const names = new Map(accounts.map(a => [a.id, a.name]));
const colours = getComputedStyle(document.documentElement);
const accent = alpha => `rgba(${colours.getPropertyValue('--accent')}, ${alpha})`;
const charts = [];

Chart.defaults.color = colours.getPropertyValue('--quiet');
Chart.defaults.borderColor = colours.getPropertyValue('--line');
Chart.defaults.animation = false;
Chart.defaults.maintainAspectRatio = false;

const count = n => n.toLocaleString('en');
const ratio = (a, b, factor = 1) => b ? (a / b * factor).toFixed(2) : '–';
const sum = (rows, key) => rows.reduce((total, row) => total + (row[key] ?? 0), 0);

// yen have no cents
function money(n, currency) {
	const { minimumFractionDigits: digits } =
		new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions();
	return n.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function element(name, content, attributes = {}) {
	const made = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
	made.append(...[content].flat());
	return made;
}

// A table of texts; the columns of "text" are aligned to the left.
function table(id, head, rows, text = []) {
	const row = (cells, kind) => element('tr', cells.map((cell, i) => cell instanceof Node
		? cell : element(kind, cell, text.includes(i) ? { class: 'text' } : {})));
	document.getElementById(id).replaceChildren(element('thead', row(head, 'th')),
		element('tbody', rows.map(cells => row(cells, 'td'))));
}

// Rows of the same key, in the order of their first.
function groups(rows, key) {
	const found = new Map();
	for (const row of rows) found.set(row[key], [...found.get(row[key]) ?? [], row]);
	return [...found];
}

function chart(id, type, labels, datasets, scales) {
	charts.push(new Chart(document.getElementById(id), {
		type, data: { labels, datasets },
		options: { scales, interaction: { mode: 'index', intersect: false } },
	}));
}

function drawTotals(days, currency) {
	const spend = sum(days, 'spend'), clicks = sum(days, 'clicks');
	const impressions = sum(days, 'impressions'), conversions = sum(days, 'conversions');
	const tiles = [
		['spend', `Spend, ${currency}`, money(spend, currency)],
		['roas', 'ROAS', ratio(sum(days, 'value'), sum(days, 'ad_spend'))],
		['impressions', 'Impressions', count(impressions)],
		['clicks', 'Clicks', count(clicks)],
		['ctr', 'Clicks, % of impressions', ratio(clicks, impressions, 100)],
		['conversions', 'Conversions', count(conversions)],
		['cpa', `Cost of a conversion, ${currency}`,
			conversions ? money(sum(days, 'ad_spend') / conversions, currency) : '–'],
	];
	document.getElementById('tiles').replaceChildren(...tiles.map(([id, label, value]) =>
		element('div', [label, element('b', value, { id: `total_${id}` })], { class: 'tile' })));
}

function drawDays(days, currency) {
	const rows = groups(days, 'day').map(([day, of]) =>
		({ day, spend: sum(of, 'spend'), value: sum(of, 'value'), ad_spend: sum(of, 'ad_spend') }));
	table('spend_numbers', ['Day', `Spend, ${currency}`, `Purchases, ${currency}`, 'ROAS'],
		rows.map(r => [r.day, money(r.spend, currency), money(r.value, currency), ratio(r.value, r.ad_spend)]));
	chart('spend', 'bar', rows.map(r => r.day), [
		{ type: 'line', label: 'ROAS', yAxisID: 'roas', data: rows.map(r => r.ad_spend ? r.value / r.ad_spend : null),
			borderColor: colours.getPropertyValue('--second'), backgroundColor: colours.getPropertyValue('--second'),
			borderWidth: 2, pointRadius: 0, tension: 0.3 },
		{ label: `Spend, ${currency}`, data: rows.map(r => r.spend), backgroundColor: accent(0.75), borderRadius: 3 },
	], { x: { grid: { display: false } }, y: { beginAtZero: true },
		roas: { position: 'right', beginAtZero: true, grid: { display: false } } });
}

function drawWeeks(weeks) {
	const labels = groups(weeks, 'week').map(([week]) => week);
	table('reach_numbers', ['Week of', 'Account', 'Up to', 'People', 'Times each'],
		weeks.map(w => [w.week, names.get(w.account) ?? w.account, w.covered_to,
			w.reach === null ? '–' : count(w.reach), w.frequency === null ? '–' : w.frequency.toFixed(2)]), [1]);
	const sunday = week => new Date(Date.parse(week) + 6 * 864e5).toISOString().slice(0, 10);
	const hue = (i, alpha) => i ? `hsl(${175 + 47 * i} 55% 45% / ${alpha})` : accent(alpha);
	chart('reach', 'bar', labels, groups(weeks, 'account').map(([account, of], i) => {
		const bars = labels.map(week => of.find(w => w.week === week));
		return { label: names.get(account) ?? account, borderRadius: 3, data: bars.map(w => w?.reach ?? null),
			backgroundColor: bars.map(w => hue(i, w && w.covered_to < sunday(w.week) ? 0.3 : 0.75)) };
	}), { x: { grid: { display: false } }, y: { beginAtZero: true } });
}

function drawAudience(rows, currency) {
	const word = name => ({ NONE: 'unknown', FEMALE: 'Women', MALE: 'Men' })[name]
		?? name.replace(/^AGE_(\d+)_(\d+)$/, (_, from, to) => to === '100' ? `${from}+` : `${from}–${to}`);
	const genders = [...new Set(rows.map(r => r.gender))].sort();
	const ages = [...new Set(rows.map(r => r.age))].sort();
	const most = Math.max(...genders.flatMap(g => ages.map(a =>
		sum(rows.filter(r => r.gender === g && r.age === a), 'spend'))));
	table('heat', ['', ...ages.map(word)], genders.map(gender => [word(gender), ...ages.map(age => {
		const of = rows.filter(r => r.gender === gender && r.age === age), spend = sum(of, 'spend');
		const cell = element('td', ratio(sum(of, 'clicks'), sum(of, 'impressions'), 100), {
			title: `${money(spend, currency)} ${currency}, ${count(sum(of, 'impressions'))} impressions`,
			'data-key': `${gender} ${age}`,
		});
		cell.style.backgroundColor = accent(most ? 0.6 * spend / most : 0);
		return cell;
	})]));
}

function drawCreatives(rows, currency) {
	document.querySelector('#creatives ol').replaceChildren(...rows.slice(0, 8).map(c => element('li', [
		element('figure', c.picture ? element('img', [], { src: c.picture, alt: '' })
			: c.video ? 'video' : 'no picture'),
		element('strong', c.name ?? '', { title: c.name ?? '' }),
		element('span', `${money(c.value, currency)} ${currency}`, { class: 'value' }),
		element('span', `${money(c.spend, currency)} spent`),
		element('span', `ROAS ${ratio(c.value, c.spend)}`),
		element('span', `CTR ${ratio(c.clicks, c.impressions, 100)} %, ${c.ads === 1 ? 'one ad' : `${c.ads} ads`}`),
	])));
}

function drawCompleteness(rows, currency) {
	table('completeness', ['Account', 'Report by', 'What is missing', `Spend, ${currency}`, 'Impressions', 'Clicks', 'Note'],
		rows.map(r => [names.get(r.account) ?? r.account, r.level, r.reason ?? '', money(r.spend ?? 0, currency),
			count(r.impressions ?? 0), count(r.clicks ?? 0), r.note ?? '']), [1, 2, 6]);
}

function draw(scope) {
	const { currency, ids } = scope, of = key => (data[key] ?? []).filter(row => ids.has(row.account));
	for (const drawn of charts.splice(0)) drawn.destroy();
	const days = of('days');
	drawTotals(days, currency);
	drawDays(days, currency);
	drawWeeks(of('weeks'));
	drawAudience(of('audience'), currency);
	drawCreatives(of('creatives'), currency);
	drawCompleteness(of('completeness'), currency);
	document.body.dataset.drawn = scope.label;
}

// what can be looked at: all accounts of a currency together, and each account
const scopes = groups(accounts, 'currency').flatMap(([currency, of]) => [
	...of.length > 1 ? [{ label: `All accounts in ${currency}`, currency, ids: new Set(of.map(a => a.id)) }] : [],
	...of.map(a => ({ label: `${a.name} (${currency})`, currency, ids: new Set([a.id]) })),
]);
const choice = document.getElementById('scope');
choice.append(...scopes.map((scope, i) => element('option', scope.label, { value: i })));
choice.addEventListener('change', () => draw(scopes[choice.value]));
document.getElementById('period').textContent =
	`${data.since} to ${data.until}; read from TikTok at ${(data.refreshed ?? '').slice(0, 16).replace('T', ' ')}`;

// page.html#ACCOUNT opens with that account
const wanted = decodeURIComponent(location.hash.slice(1));
const first = Math.max(0, scopes.findIndex(s => s.ids.size === 1 && s.ids.has(wanted)));
choice.value = first;
if (scopes.length) draw(scopes[first]);
else document.getElementById('period').textContent = 'There is no account yet: CALL tiktok.refresh_all().';
