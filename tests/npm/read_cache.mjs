// Reads a Hugging Face cache with the Hub's own package, without a network.
//
//   node read_cache.mjs CACHE MODEL REVISION FILE...
//
// Prints {"repos": what scanCacheDir sees, "warnings": [...], "commit": what the revision points at, "files": {FILE: SHA-256}}.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { downloadFileToCacheDir, scanCacheDir } from "@huggingface/hub";

const [cacheDir, model, revision, ...paths] = process.argv.slice(2);

function offline(url) {
  throw new Error(`asked the network for ${url}`);
}

const scanned = await scanCacheDir(cacheDir);
const repos = scanned.repos.map((repo) => ({
  id: repo.id,
  size: repo.size,
  filesCount: repo.filesCount,
  revisions: repo.revisions.map(({ commitOid, refs, files }) => ({ commitOid, refs, files: files.map((file) => file.path) })),
}));
const revisions = scanned.repos.find((repo) => repo.id.name === model)?.revisions ?? [];
const commit = revisions.find((each) => each.refs.includes(revision))?.commitOid;
if (!commit) throw new Error(`${model} has no revision ${revision}: ${JSON.stringify(repos)}`);

const files = {};
for (const path of paths) {
  const at = await downloadFileToCacheDir({ repo: { type: "model", name: model }, path, revision: commit, cacheDir, fetch: offline });
  files[path] = createHash("sha256").update(await readFile(at)).digest("hex");
}
console.log(JSON.stringify({ repos, warnings: scanned.warnings.map(String), commit, files }));
