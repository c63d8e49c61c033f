import { createTwoFilesPatch } from "diff";

/** A unified diff from what was applied to what is there, without what nobody may read over somebody's shoulder. */
export function patchOf(path: string, applied: string, found: string): string {
  if (found.includes("\0")) return "";
  const [before, after] = [masked(applied), masked(found)];
  // What was masked is all that differs.
  if (before === after) return "";
  return createTwoFilesPatch(`applied${path}`, `found${path}`, before, after, "", "", { context: 2 }).replace(
    /^=+\n/,
    "",
  );
}

const secretName =
  /^(\s*(?:export\s+)?["']?\w*(?:PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE_KEY|API_KEY)\w*["']?\s*[=:]\s*).+$/gim;
/** HAProxy's user lists. */
const userPassword = /(\b(?:insecure-)?password\s+)\S+/g;
const privateKey = /(-----BEGIN [A-Z ]*PRIVATE KEY-----)[^]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;

function masked(text: string): string {
  return text
    .replace(privateKey, "$1\n********\n$2")
    .replace(secretName, "$1********")
    .replace(userPassword, "$1********");
}
