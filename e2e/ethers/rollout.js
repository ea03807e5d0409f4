// What a careful engineer writes to bring a manifest's routes to several networks with ethers: commit, then page after page,
// each awaited. Called with a JSON file, and with `together` to work on all networks side by side. It ends when everything
// that comes before the timelock is in a block everywhere.
"use strict";
const fs = require("fs");
const { Contract, JsonRpcProvider, Wallet } = require("ethers");

const abi = [
  "function commitRoot(bytes32 root, uint64 epoch)",
  "function applyRoutes(bytes page, bytes32[] proof, bytes32 initHash)",
];

async function rollOut(url, plan) {
  // the default is to look for news every 4 s, which suits no network of today
  const provider = new JsonRpcProvider(url, undefined, { staticNetwork: true, pollingInterval: 250 });
  try {
    const dispatcher = new Contract(plan.dispatcher, abi, new Wallet(plan.key, provider));
    await confirmed(await dispatcher.commitRoot(plan.root, plan.epoch));
    for (const page of plan.pages) {
      await confirmed(await dispatcher.applyRoutes(page.bytes, page.proof, plan.initHash));
    }
  } finally {
    provider.destroy();
  }
}

async function confirmed(tx) {
  const receipt = await tx.wait();
  if (receipt.status !== 1) throw new Error(`${tx.hash} reverted`);
}

async function main() {
  const plan = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
  if (process.argv[3] === "together") {
    await Promise.all(plan.urls.map((url) => rollOut(url, plan)));
    return;
  }
  for (const url of plan.urls) await rollOut(url, plan);
}

main().catch((err) => {
  console.error(err);
  process.exitCode = 1;
});
