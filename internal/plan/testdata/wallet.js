// What a reader and a wallet that share no code with this program make of plans. In: a list of plans, each with its typed data,
// a private key and a signature; out: for each, what they compute.
const { TypedDataEncoder, Wallet, keccak256, toUtf8Bytes, verifyTypedData } = require("ethers");

const canonical = (v) => {
  if (Array.isArray(v)) return "[" + v.map(canonical).join(",") + "]";
  if (v !== null && typeof v === "object") {
    return "{" + Object.keys(v).sort().map((k) => JSON.stringify(k) + ":" + canonical(v[k])).join(",") + "}";
  }
  return JSON.stringify(v);
};

const look = async ({ plan, typedData, key, signature }) => {
  const { format, intent, preconditions } = plan;
  const { EIP712Domain, ...types } = typedData.types;
  const of = [typedData.domain, types, typedData.message];
  return {
    digest: keccak256(toUtf8Bytes(canonical({ format, intent, preconditions }))),
    policy: intent.newPolicy ? keccak256(toUtf8Bytes(canonical(intent.newPolicy))) : "",
    primaryType: TypedDataEncoder.from(types).primaryType,
    hash: TypedDataEncoder.hash(...of),
    signer: verifyTypedData(...of, signature),
    signature: await new Wallet(key).signTypedData(...of),
  };
};

let input = "";
process.stdin.on("data", (d) => (input += d));
process.stdin.on("end", async () => console.log(JSON.stringify(await Promise.all(JSON.parse(input).map(look)))));
