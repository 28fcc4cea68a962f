// SPDX-License-Identifier: Apache-2.0
// The same bytes to docktrail's HTTP parser (build/fuzz/http_told) and to Node's (llhttp, through
// http.createServer): what both take for a request must be the same request. Where only one of them
// takes it, the reason has to stand in `differences`: docktrail reads as Go's server does.
//
// usage: node against_node.js TOLD TABLE SECONDS [SEED]
'use strict';
const http = require('http'), fs = require('fs'), { Duplex } = require('stream'), { spawn } = require('child_process');
const [told, table, seconds, seed] = process.argv.slice(2);

// ---- differences: what Node does otherwise, in which bytes it shows, and what Go does

const head = (r) => { const m = /^[^]*?\r?\n\r?\n/.exec(r.bytes); return m ? m[0] : r.bytes; };
const body = (r) => r.bytes.slice(head(r).length);
const first = (r) => /^[^\n]*/.exec(r.bytes)[0].replace(/\r$/, '');
const header = (r, name) => new RegExp(`\\n${name}[ \\t]*:`, 'i').test(head(r));
const version = (r) => (/ HTTP\/(\d\.\d)$/.exec(first(r)) || [])[1];
const ours = (...words) => (r) => words.some((word) => r.ours.includes(word));

const differences = [
	['only CR LF ends a line; to Go LF does', (r) => /(^|[^\r])\n/.test(r.bytes) || /\r(?!\n)/.test(r.bytes)],
	['line ends before any request are skipped; by Go four bytes behind a POST', (r) => /^[\r\n]/.test(r.bytes)],
	['several spaces within the first line, and no version, are taken', (r) => / {2}/.test(first(r)) || !/ HTTP\//.test(first(r))],
	['obsolete folding is refused', (r) => /\n[ \t]/.test(head(r))],
	['methods are those of a list; to Go any token', (r) => !http.METHODS.includes(first(r).split(' ')[0])],
	['CONNECT is not for this server', (r) => /^CONNECT /.test(r.bytes)],
	['versions are 0.9, 1.0, 1.1 and 2.0; to Go 1.0 to 1.9, and PRI', (r) => !/^1\.[01]$/.test(version(r) || '')],
	['a target is checked by its bytes; by Go as a URL', (r) => !/^\S+ \/[!-~]* /.test(r.bytes) || /^\S+ \S*%(?![0-9a-f]{2})/i.test(r.bytes)],
	['Host only has to be there', ours('no Host')],
	['a length beside chunks is refused; Go reads chunks', (r) => header(r, 'content-length') && header(r, 'transfer-encoding')],
	['two lengths are refused, and an empty one; Go takes the same one twice', (r) => (head(r).match(/\ncontent-length/gi) || []).length > 1 || /\ncontent-length:[ \t]*\r?\n/i.test(head(r))],
	['a length has 64 bits; to Go 63', (r) => /\ncontent-length:[ \t]*\d{19}/i.test(head(r))],
	['within and behind a length there are no tabs', (r) => /\ncontent-length:[^\r\n]*(\t|\d +\d)/i.test(head(r))],
	['chunks come with HTTP/1.0 too; Go ignores them', (r) => version(r) === '1.0' && header(r, 'transfer-encoding')],
	['Transfer-Encoding is a list that ends with chunked; to Go that one word', (r) => header(r, 'transfer-encoding') && !/^[^]*\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n/i.test(head(r)) || (head(r).match(/\ntransfer-encoding/gi) || []).length > 1],
	['extensions of chunks have a syntax, and sizes no space; Go cuts them off', (r) => header(r, 'transfer-encoding') && /(^|\n)[0-9a-f]*[ \t;][^\n]*\n/i.test(body(r))],
	['sizes of chunks have any number of digits, up to 64 bits, and Go takes none for 0', (r) => header(r, 'transfer-encoding') && /(^|\n)([0-9a-f]{16,}|\r?$|\r?\n)/i.test(body(r))],
	['trailers are headers; Go reads 4096 bytes of them', (r) => header(r, 'transfer-encoding') && /(^|\n)0+[^\n]*\r?\n[^\r\n]/.test(body(r))],
	['what trailers are announced is nothing to it', (r) => header(r, 'trailer')],
	['Expect is looked at in HTTP/1.1 alone, an empty one and each one', (r) => header(r, 'expect')],
	['a name of a header is never empty', (r) => /\n[ \t]*:/.test(r.bytes)],
	['what comes in one piece with an Upgrade is lost', (r) => /\nupgrade:/i.test(r.before)],
	['to keep a connection of HTTP/1.0 there is no tab behind keep-alive; Go trims it', (r) => /\nconnection:[^\r\n]*\t/i.test(r.before)],
	['a head of more than it is told to read', (r) => head(r).length > 1 << 19],
];

// ---- Node

const server = http.createServer({ maxHeaderSize: 1 << 20, keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 });
server.timeout = 0;

function hear(request, response) {
	const seen = { method: request.method, target: request.url, whole: false, body: 0, hash: 2166136261 };
	for (let i = 0; i + 1 < request.rawHeaders.length; i += 2)
		for (const [key, name] of [['host', 'host'], ['type', 'content-type'], ['agent', 'user-agent']])
			if (request.rawHeaders[i].toLowerCase() === name && !seen[key])
				seen[key] = request.rawHeaders[i + 1];
	request.socket.seen.requests.push(seen);
	request.on('data', (bytes) => {
		seen.body += bytes.length;
		for (const byte of bytes)
			seen.hash = Math.imul(seen.hash ^ byte, 16777619);
	});
	request.socket.parts.push(() => { seen.whole = request.complete; });
	request.on('error', () => {});
	response.on('error', () => {});
	response.end();
}
server.on('request', hear);
server.on('checkContinue', hear);
server.on('checkExpectation', (request) => request.socket.destroy());
server.on('clientError', (error, socket) => { socket.seen.ends = socket.seen.ends || error.code; });

function ask(bytes) {
	return new Promise((resolve) => {
		const socket = new Duplex({ read() {}, write(chunk, encoding, done) { done(); } });
		socket.seen = { requests: [], ends: '' };
		socket.parts = [];
		socket.setTimeout = socket.setNoDelay = socket.setKeepAlive = () => socket;
		socket.on('error', () => {});
		socket.on('close', () => { socket.parts.forEach((part) => part()); resolve(socket.seen); });
		server.emit('connection', socket);
		socket.push(bytes);
		socket.push(null);
		setImmediate(() => setImmediate(() => setImmediate(() => socket.destroy())));
	});
}

// ---- docktrail

const child = spawn(told, { stdio: ['pipe', 'pipe', 'inherit'] });
const waiting = [];
let rest = '';
child.stdout.on('data', (bytes) => {
	const lines = (rest + bytes).split('\n');
	rest = lines.pop();
	for (const line of lines)
		waiting.shift()(JSON.parse(line));
});
child.on('exit', (code, signal) => { if (code !== 0) fail(null, `http_told ended: ${signal || code}`); });

function tell(bytes) {
	const length = Buffer.alloc(4);
	length.writeUInt32LE(bytes.length);
	child.stdin.write(length);
	child.stdin.write(bytes);
	return new Promise((resolve) => waiting.push(resolve));
}

// ---- what to ask: the table of odd requests, what is made of parts, and both with bytes changed

let state = Number(seed || 1) >>> 0 || 1;
function random(below) {
	state ^= state << 13; state >>>= 0; state ^= state >>> 17; state ^= state << 5; state >>>= 0;
	return state % below;
}
const pick = (list) => list[random(list.length)];

function unescape(text) {
	return text.replace(/\\(\{([^])\*(\d+)\}|x([0-9a-f]{2})|[^])/g, (all, c, repeated, count, hex) =>
		count ? repeated.repeat(Math.min(Number(count), 6000)) : hex ? String.fromCharCode(parseInt(hex, 16)) : { r: '\r', n: '\n', t: '\t' }[c] || c);
}
const corpus = fs.readFileSync(table, 'utf8').split('\n').filter((line) => line && line[0] !== '#').map((line) => unescape(line.split('\t')[1]));

const methods = ['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'PATCH', 'OPTIONS', 'POST', 'POST'];
const targets = ['/', '/_ping', '/v1.41/containers/json?all=1', '/a%2fb', '//x/../y', '/?', '/a?b=c&d', '/%41'];
const lines = ['Content-Type: application/json', 'User-Agent: a b', 'Connection: keep-alive', 'Connection: close', 'Connection: Upgrade',
	'Upgrade: h2c', 'X-Registry-Auth: abc', 'Expect: 100-continue', 'Accept: */*', 'X:', 'A:\tb ', 'content-type:text/plain', 'Trailer: A'];
const pieces = ['\r\n', '\n', '\r', ' ', '\t', ':', ';', '0', '\r\n\r\n', 'Host: d\r\n', 'Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n',
	'GET / HTTP/1.1\r\n', '\x00', '\xff', '%', '0\r\n\r\n', 'chunked', ' HTTP/1.1', '1', 'f', '-', ',', '"', '\x7f'];

function chunks(text) {
	let out = '';
	while (text) {
		const part = text.slice(0, 1 + random(text.length));
		out += part.length.toString(16) + pick(['', '', '', ';a=b', ';a="b"', ';a']) + '\r\n' + part + '\r\n';
		text = text.slice(part.length);
	}
	return out + '0\r\n' + pick(['', '', 'A: b\r\n', 'A: b\r\nB:c\r\n']) + '\r\n';
}

function request() {
	const text = pick(['', '{}', '{"Image":"x"}', 'GET /b HTTP/1.1\r\n\r\n', 'x'.repeat(random(300))]);
	let out = `${pick(methods)} ${pick(targets)} HTTP/1.${pick([1, 1, 1, 0])}\r\nHost: d\r\n`;
	for (let n = random(4); n > 0; n--)
		out += pick(lines) + '\r\n';
	const kind = random(4);
	return out + (kind === 0 ? '\r\n' : kind === 1 ? 'Transfer-Encoding: chunked\r\n\r\n' + chunks(text) : `Content-Length: ${text.length}\r\n\r\n${text}`);
}

function mutate(text) {
	for (let n = random(3); n > 0; n--) {
		const at = random(text.length + 1), length = random(4) ? 1 + random(3) : random(40);
		text = pick([
			() => text.slice(0, at) + pick(pieces) + text.slice(at),
			() => text.slice(0, at) + text.slice(at + length),
			() => text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1),
			() => text.slice(0, at) + text.slice(at, at + length) + text.slice(at),
		])();
	}
	return text;
}

function* inputs() {
	yield* corpus;
	for (;;) {
		let text = random(5) ? request() : pick(corpus);
		while (random(3) === 0)
			text += random(5) ? request() : pick(corpus);
		yield mutate(text);
	}
}

// ---- the comparison

const met = new Map();
function fail(text, why) {
	console.error(`${why}\n${text === null ? '' : JSON.stringify(text)}`);
	process.exit(1);
}

function known(text, from, mine, why) {
	const context = { bytes: text.slice(from), before: text.slice(0, from), ours: `${mine.ends} ${why}` };
	const found = differences.find(([, applies]) => applies(context));
	if (found)
		met.set(found[0], (met.get(found[0]) || 0) + 1);
	return found;
}

// How many requests both took for the same.
function compare(text, mine, theirs) {
	let from = 0;
	for (let i = 0; ; i++) {
		const a = mine.requests[i], b = theirs.requests[i];
		const why = a && b ? ['method', 'target', 'host', 'type', 'agent'].find((key) => (a[key] || '') !== (b[key] || '')) ||
			(a.whole !== b.whole ? 'whole' : a.whole && (a.body !== b.body || a.hash !== b.hash >>> 0) ? 'body' : '')
			: a || b ? 'only one' : '';
		if (!a && !b)
			return i;
		if (why) {
			if (!known(text, from, mine, why) && !(a && (a.doubt || a.problem)))
				fail(text, `request ${i} differs in: ${why}\ndocktrail: ${JSON.stringify(mine)}\nNode: ${JSON.stringify(theirs)}`);
			return i;
		}
		if (a.closes || !a.whole)
			return i + 1;
		from = a.end;
	}
}

async function main() {
	const until = Date.now() + Number(seconds) * 1000, source = inputs();
	let count = 0, same = 0;
	while (Date.now() < until) {
		const batch = Array.from({ length: 100 }, () => source.next().value);
		const all = await Promise.all(batch.map((text) => Promise.all([tell(Buffer.from(text, 'latin1')), ask(Buffer.from(text, 'latin1'))])));
		all.forEach(([mine, theirs], i) => { same += compare(batch[i], mine, theirs); });
		count += batch.length;
	}
	child.stdin.end();
	if (count < corpus.length || same < count / 4)
		fail(null, `${count} inputs, only ${same} requests that both took`);
	console.log(`${count} inputs, ${same} requests the same in both, ${met.size} known differences met`);
	for (const [name, times] of [...met].sort((x, y) => y[1] - x[1]))
		console.log(`# ${times} x ${name}`);
}

main().catch((error) => fail(null, error.stack));
