// Copies the two vendored browser parts from node_modules into static/vendor, with licences and checksums.
// Run by `make vendor`, after `npm ci --ignore-scripts`; the same lock file gives the same bytes.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const from = (...parts) => join(here, "node_modules", ...parts);
const to = (name) => join(here, "..", "static", "vendor", name);

const ICONS = `arrow-down arrow-up building-2 check chevron-right circle-alert circle-check circle-dashed circle-x clock
  download file-diff git-branch git-commit-horizontal git-merge git-pull-request hammer history key layers list
  message-square package plus rss scale search shield-check terminal timer triangle-alert upload user users x`;

function symbol(name) {
  const svg = readFileSync(from("lucide-static", "icons", `${name}.svg`), "utf8");
  const shapes = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
  return `<symbol id="${name}" viewBox="0 0 24 24">${shapes.replace(/\s*\n\s*/g, "")}</symbol>`;
}

mkdirSync(to("."), { recursive: true });
copyFileSync(from("htmx.org", "dist", "htmx.min.js"), to("htmx.min.js"));
copyFileSync(from("htmx.org", "LICENSE"), to("htmx.LICENSE"));
copyFileSync(from("lucide-static", "LICENSE"), to("icons.LICENSE"));
const symbols = ICONS.trim().split(/\s+/).map(symbol).join("\n");
writeFileSync(to("icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols}\n</svg>\n`);

const files = readdirSync(to(".")).filter((name) => name !== "SHA256SUMS").sort();
const digest = (name) => createHash("sha256").update(readFileSync(to(name))).digest("hex");
writeFileSync(to("SHA256SUMS"), files.map((name) => `${digest(name)}  ${name}\n`).join(""));
