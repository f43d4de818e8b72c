// lint.mjs CONTAINERFILE MANIFEST...: one JSON line for each thing that is wrong, {"file","line","message"}; exit code 1 where there is one.
// Manifests are held against Kubernetes' own schemas, and every key must be one that the schema has: kubectl would refuse others, or
// worse, drop them.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseAllDocuments } from "yaml";

const require = createRequire(import.meta.url);
const dockerfile = require("dockerfile-utils");

let wrong = 0;
function report(file, line, message) {
  wrong += 1;
  console.log(JSON.stringify({ file, line, message }));
}

function lintContainerfile(file) {
  for (const found of dockerfile.validate(readFileSync(file, "utf8"))) report(file, found.range.start.line + 1, found.message);
}

/// "apps/v1" and "DaemonSet" give the schema IoK8sApiAppsV1DaemonSet.
function schemaOf({ apiVersion, kind }) {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["core", apiVersion];
  const words = [group.split(".")[0], version, kind].map((word) => word[0].toUpperCase() + word.slice(1));
  return require(`./node_modules/kubernetes-models/_schemas/IoK8sApi${words.join("")}.js`).validate;
}

/// The document as a validator sees it, and the paths of the keys that it has not looked at: no schema knows those.
function watched(value, path, unread) {
  if (value === null || typeof value !== "object") return value;
  const copy = Array.isArray(value) ? [] : {};
  for (const [key, inner] of Object.entries(value)) {
    const at = `${path}/${key}`;
    const seen = watched(inner, at, unread);
    if (!Array.isArray(value)) unread.add(at);
    Object.defineProperty(copy, key, { enumerable: true, get: () => (unread.delete(at), seen) });
  }
  return copy;
}

function lintDocument(file, line, document) {
  const name = `${document.kind} ${document.metadata?.name}`;
  const unread = new Set();
  const validate = schemaOf(document);
  if (!validate(watched(document, "", unread)))
    for (const error of validate.errors) report(file, line, `${name}${error.instancePath}: ${error.keyword} ${JSON.stringify(error.params)}`);
  for (const path of unread) report(file, line, `${name}${path}: there is no such key`);
}

function lintManifest(file) {
  const text = readFileSync(file, "utf8");
  for (const parsed of parseAllDocuments(text, { uniqueKeys: true })) {
    const line = text.slice(0, parsed.range?.[0] ?? 0).split("\n").length;
    for (const error of [...parsed.errors, ...parsed.warnings]) report(file, error.linePos?.[0].line ?? line, error.message);
    if (parsed.errors.length === 0) lintDocument(file, line, parsed.toJS());
  }
}

const [containerfile, ...manifests] = process.argv.slice(2);
lintContainerfile(containerfile);
manifests.forEach(lintManifest);
process.exit(wrong === 0 ? 0 : 1);
