// zarrita, the reader of vizarr and of the validator of OME-NGFF: every level of every group.
// node read_zarrita.mjs MANIFEST; lies where node finds zarrita and @zarrita/storage: beside their node_modules.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import FileSystemStore from "@zarrita/storage/fs";
import * as zarr from "zarrita";

const groups = JSON.parse(readFileSync(process.argv[2]));
const { version } = JSON.parse(readFileSync(new URL("node_modules/zarrita/package.json", import.meta.url)));
const faults = [];
let checked = 0;
function same(what, got, expected) {
  checked++;
  if (JSON.stringify(got) !== JSON.stringify(expected)) faults.push(`${what}: ${got}, expected ${expected}`);
}

for (const group of groups) {
  const root = zarr.root(new FileSystemStore(group.path));
  const open = group.version === "0.5" ? zarr.open.v3 : zarr.open.v2;
  const attributes = (await open(root, { kind: "group" })).attrs;
  const { axes, datasets } = (attributes.ome ?? attributes).multiscales[0];
  same(`${group.path}: axes`, axes.map((a) => a.name).join(""), group.axes);
  same(`${group.path}: levels`, datasets.length, group.levels.length);
  for (const [number, level] of group.levels.entries()) {
    const what = `${group.path}/${level.path}`;
    const array = await open(root.resolve(datasets[number].path), { kind: "array" });
    same(`${what}: shape`, array.shape, level.shape);
    same(`${what}: type`, array.dtype, level.dtype);
    const { data } = await zarr.get(array);
    // Arrays of bool are packed in an object of zarrita's own.
    const bytes = level.dtype === "bool" ? Uint8Array.from(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    same(`${what}: elements`, createHash("sha256").update(bytes).digest("hex"), level.sha256);
  }
}
console.log(`zarrita ${version}: ${groups.length} groups, ${checked} comparisons, ${faults.length} differ`);
if (faults.length) console.log(faults.join("\n"));
process.exitCode = faults.length || !groups.length ? 1 : 0;
