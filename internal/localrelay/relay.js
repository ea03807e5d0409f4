// A private relay on loopback before a real node, for tests: it checks requests as the real ones document it, with ethers, keeps what
// it takes in a pool of its own, and includes it when it is told to make a block. It misbehaves when it is told to.
//
//   node -e PROGRAM ETHERS NODE_URL SECRET
//
// /          Flashbots' methods        /raw    eth_sendRawTransaction
// /tx/HASH   the status API            /blxr   bloXroute's methods, with SECRET as Authorization header
// /control   sets the fault            /mine   makes a block
// /log       every request to a relay  /statuses   how many the status API had
'use strict';
const http = require('node:http');
const [, ethersPath, node, secret] = process.argv;
const { Transaction, keccak256, verifyMessage } = require(ethersPath);

const privates = new Map(); // hash → {raw, last, signer, status}
const bundles = new Map(); // uuid → {txs, block, signer}
const log = [];
let statuses = 0; // how often the status API was asked
let fault = ''; // of the request that is looked at
let control = {}; // fault, of: the paths that have it, message, hold: blocks to make without what it has

async function ask(method, ...params) {
  const answer = await fetch(node, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const { result, error } = await answer.json();
  if (error) throw new Error(error.message);
  return result;
}

class Refusal extends Error {}
const refuse = (text) => { throw new Refusal(text); };

// signerOf is whose signature a request has, over the very bytes that came.
function signerOf(headers, body) {
  const [address, signature] = (headers['x-flashbots-signature'] || '').split(':');
  if (!address || !signature) refuse('missing X-Flashbots-Signature');
  let signer;
  try {
    signer = verifyMessage(keccak256(body), signature);
  } catch {
    refuse('invalid signature');
  }
  if (signer !== address) refuse('signature of somebody else');
  return signer;
}

function take(raw, last, signer) {
  const tx = Transaction.from(raw);
  if (tx.serialized !== raw) refuse('not canonical');
  if (fault === 'lie') return tx.hash;
  privates.set(tx.hash, { raw, last, signer, status: fault === 'drop' ? 'FAILED' : 'PENDING' });
  return tx.hash;
}

const methods = {
  '/': {
    eth_sendPrivateTransaction([p], signer) {
      if (Transaction.from(p.tx).maxPriorityFeePerGas === 0n) refuse('no tip');
      if (p.preferences?.privacy?.hints?.join() !== 'hash') refuse('tells searchers more than the hash');
      return take(p.tx, Number(p.maxBlockNumber), signer);
    },
    eth_sendBundle([p], signer) {
      if (p.txs.length > 100) refuse('too many transactions');
      const known = bundles.get(p.replacementUuid);
      if (known && known.signer !== signer) refuse('bundle of somebody else');
      const txs = p.txs.map((raw) => Transaction.from(raw));
      if (fault !== 'lie') bundles.set(p.replacementUuid, { txs: p.txs, hashes: txs.map((t) => t.hash), block: Number(p.blockNumber), signer });
      return { bundleHash: keccak256('0x' + txs.map((t) => t.hash.slice(2)).join('')) };
    },
    eth_cancelPrivateTransaction([p], signer) {
      const t = privates.get(p.txHash);
      if (!t || t.signer !== signer || t.status !== 'PENDING') return false;
      t.status = 'CANCELLED';
      return true;
    },
    eth_cancelBundle([p], signer) {
      const b = bundles.get(p.replacementUuid);
      if (!b || b.signer !== signer) refuse('no such bundle');
      bundles.delete(p.replacementUuid);
      return [];
    },
  },
  '/raw': {
    eth_sendRawTransaction([raw]) {
      const hash = Transaction.from(raw).hash;
      if (privates.get(hash)?.status === 'PENDING') refuse('already known');
      return take(raw, Infinity, '');
    },
  },
  '/blxr': Object.fromEntries(['blxr_private_tx', 'bsc_private_tx', 'polygon_private_tx'].map((name) => [name, (p) => {
    if (p.transaction.startsWith('0x')) refuse('transaction with 0x');
    if (name === 'blxr_private_tx' && p.timeout !== 0) refuse('would become public');
    return { txHash: take('0x' + p.transaction, Infinity, '').slice(2) };
  }])),
};

// mine makes one block of all that the pool holds for it. A bundle that does not land whole and without a revert is left out, and so
// is a transaction that reverts.
async function mine() {
  const next = Number(await ask('eth_blockNumber')) + 1;
  const groups = [];
  if (control.hold > 0) {
    control.hold--;
  } else {
    for (const [hash, t] of privates) if (t.status === 'PENDING' && t.last >= next) groups.push({ txs: [t.raw], hashes: [hash], t });
    for (const b of bundles.values()) if (b.block === next) groups.push(b);
  }
  for (;;) {
    const snapshot = await ask('evm_snapshot');
    for (const g of groups) for (const raw of g.txs) await ask('eth_sendRawTransaction', raw).catch(() => {}); // one may be in two groups
    await ask('evm_mine');
    let bad = -1;
    for (const [i, g] of groups.entries()) {
      for (const hash of g.hashes) if ((await ask('eth_getTransactionReceipt', hash))?.status !== '0x1') bad = i;
    }
    if (bad < 0) break;
    groups.splice(bad, 1);
    await ask('evm_revert', snapshot);
    await ask('anvil_dropAllTransactions');
  }
  for (const g of groups) if (g.t) g.t.status = 'INCLUDED';
  return { number: next, hashes: groups.flatMap((g) => g.hashes) };
}

async function status(hash) {
  const t = privates.get(hash);
  if (!t) return 'UNKNOWN';
  if (t.status === 'PENDING' && Number(await ask('eth_blockNumber')) >= t.last) return 'FAILED';
  return t.status;
}

const json = (res, code, value, headers = {}) => res.writeHead(code, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(value));

async function relay(req, res, body) {
  const request = JSON.parse(body);
  const entry = { path: req.url, method: request.method, headers: req.headers, body: body.toString(), verdict: '' };
  log.push(entry);
  const failed = (message, code = -32000) => {
    entry.verdict = message;
    json(res, 200, { jsonrpc: '2.0', id: request.id, error: { code, message } });
  };
  const misbehaves = control.of && !control.of.includes(req.url) ? '' : control.fault;
  switch (misbehaves) {
    case 'close': return req.socket.destroy();
    case 'slow': await new Promise((done) => setTimeout(done, control.delay)); break;
    case 'garbage': return res.end('<html>Welcome</html>');
    case 'null': return json(res, 200, { jsonrpc: '2.0', id: 1, result: null });
    case 'empty': return json(res, 200, { jsonrpc: '2.0', id: 1, result: {} });
    case 'huge': return res.end(JSON.stringify({ result: 'x'.repeat(2 << 20) }));
    case 'hash': return json(res, 200, { jsonrpc: '2.0', id: 1, result: '0x' + '11'.repeat(32) });
    case '429': return json(res, 429, {}, control.after ? { 'Retry-After': control.after } : {});
    case '503': return json(res, 503, {}, { 'Retry-After': '7' });
    case 'limit': return failed('too many requests for ' + secret, -32005);
    case '500': return json(res, 500, { error: 'it went wrong' });
    case 'redirect': return res.writeHead(307, { Location: control.message }).end();
    case 'refuse': return failed(control.message);
    case 'internal': return failed('internal error', -32603);
  }
  try {
    let signer = '';
    if (req.url === '/') signer = signerOf(req.headers, body);
    if (req.url === '/blxr' && req.headers.authorization !== secret) return json(res, 401, {});
    const method = methods[req.url][request.method];
    if (!method) return failed('no such method', -32601);
    entry.verdict = 'taken';
    fault = misbehaves; // methods do not wait
    json(res, 200, { jsonrpc: '2.0', id: request.id, result: method(request.params, signer) });
  } catch (err) {
    if (!(err instanceof Refusal)) throw err;
    failed(err.message);
  }
}

async function serve(req, res) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const path = req.url;
  if (path === '/control') {
    control = JSON.parse(body);
    json(res, 200, {});
  } else if (path === '/mine') {
    json(res, 200, await mine());
  } else if (path === '/log') {
    json(res, 200, log);
  } else if (path === '/statuses') {
    json(res, 200, statuses);
  } else if (path.startsWith('/tx/')) {
    const hash = path.slice(4);
    statuses++;
    if (control.fault === 'status') return json(res, 200, { status: control.message, hash: control.hash || hash });
    json(res, 200, { status: await status(hash), hash, maxBlockNumber: 0, transaction: {}, fastMode: false, seenInMempool: false });
  } else if (methods[path]) {
    await relay(req, res, body);
  } else {
    res.writeHead(404).end();
  }
}

const server = http.createServer((req, res) => serve(req, res).catch((err) => json(res, 500, { broken: String(err) })));
server.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
process.stdin.on('end', () => process.exit(0)).resume(); // whoever started it has ended
