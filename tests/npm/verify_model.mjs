// Verifies a model signature (OpenSSF Model Signing) with sigstore's own packages, and the files against it.
//
//   node verify_model.mjs SIGNATURE PUBLIC_KEY.pem MODEL_DIRECTORY
//
// Prints the statement; exit code 1 and the reason where something is not as signed.
import { createHash, createPublicKey } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { bundleFromJSON } from "@sigstore/bundle";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";

const [signature, publicKey, model] = process.argv.slice(2);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();

async function filesBelow(directory) {
  const found = [];
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const at = join(directory, entry.name);
    if (entry.isDirectory()) found.push(...(await filesBelow(at)));
    else found.push(at);
  }
  return found;
}

function verified(bundle, pem) {
  const key = { rawBytes: createPublicKey(pem).export({ type: "spki", format: "der" }) };
  const nobody = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
  const trusted = toTrustMaterial(nobody, { [sha256(pem).toString("hex")]: key });
  new Verifier(trusted, { tlogThreshold: 0, ctlogThreshold: 0, tsaThreshold: 0 }).verify(toSignedEntity(bundle));
  return JSON.parse(Buffer.from(bundle.content.dsseEnvelope.payload));
}

async function compare(statement) {
  const { resources, serialization } = statement.predicate;
  const ignored = new Set(serialization.ignore_paths);
  const present = (await filesBelow(model)).map((at) => relative(model, at)).filter((path) => !ignored.has(path.split("/")[0]));
  const listed = new Set(resources.map(({ name }) => name));
  for (const path of present) if (!listed.has(path)) throw new Error(`${path} is not signed`);
  const root = createHash("sha256");
  for (const { name, digest, algorithm } of resources) {
    const actual = sha256(await readFile(join(model, name)));
    if (algorithm !== "sha256" || actual.toString("hex") !== digest) throw new Error(`${name} differs`);
    root.update(actual);
  }
  if (root.digest("hex") !== statement.subject[0].digest.sha256) throw new Error("the root digest differs");
}

try {
  const bundle = bundleFromJSON(JSON.parse(await readFile(signature, "utf-8")));
  const statement = verified(bundle, await readFile(publicKey, "utf-8"));
  await compare(statement);
  console.log(JSON.stringify(statement));
} catch (error) {
  console.error(String(error));
  process.exit(1);
}
