// Asks networks for their newest block, every so many milliseconds, until it is stopped: what a script that only watches needs.
// Called with the interval and the URLs of the networks.
"use strict";
const { JsonRpcProvider } = require("ethers");

const [interval, ...urls] = process.argv.slice(2);
let answers = 0;
for (const url of urls) {
  const provider = new JsonRpcProvider(url, undefined, { polling: true, pollingInterval: Number(interval) });
  provider.once("block", () => {
    if (++answers === urls.length) console.log("watching");
  });
  provider.on("block", () => {});
}
