// Reads a model from a gateway with the Hub's own package.
//
//   node read_gateway.mjs ENDPOINT MODEL REVISION CACHE
//
// Prints {"listed": {PATH: size}, "info": what modelInfo says, "files": {PATH: SHA-256}, "cached": the same by the cache, "range": 3 bytes in hex}.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { downloadFile, downloadFileToCacheDir, fileExists, listFiles, modelInfo } from "@huggingface/hub";

const [hubUrl, name, revision, cacheDir] = process.argv.slice(2);
const repo = { type: "model", name };
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

const listed = {};
for await (const entry of listFiles({ repo, revision, hubUrl, recursive: true })) if (entry.type === "file") listed[entry.path] = entry.size;
const info = await modelInfo({ name, revision, hubUrl, additionalFields: ["sha"] });

const files = {};
const cached = {};
for (const path of Object.keys(listed)) {
  const blob = await downloadFile({ repo, path, revision, hubUrl });
  files[path] = sha256(Buffer.from(await blob.arrayBuffer()));
  if (listed[path] > 0) cached[path] = sha256(await readFile(await downloadFileToCacheDir({ repo, path, revision, hubUrl, cacheDir })));
}
const largest = Object.keys(listed).reduce((a, b) => (listed[a] > listed[b] ? a : b));
const whole = await downloadFile({ repo, path: largest, revision, hubUrl });
const range = Buffer.from(await whole.slice(5, 8).arrayBuffer()).toString("hex");
const missing = await fileExists({ repo, path: "none.txt", revision, hubUrl });
console.log(JSON.stringify({ listed, info, files, cached, range, largest, missing }));
