import { isIPv4 } from "node:net";

/** Whether it is one IPv4 address (192.0.2.10), or all that begin alike (192.0.2.0/24) but not all there are. */
export function isAddressRange(text: string): boolean {
  const [address = "", length = "32", ...more] = text.split("/");
  return isIPv4(address) && /^([1-9]|[12]\d|3[0-2])$/.test(length) && more.length === 0;
}
