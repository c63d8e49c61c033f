import { isIPv4 } from "node:net";
import { z } from "zod";
import { isAddressRange } from "./address-range.ts";

/** Pieces that the rooms' schemas share. */
export const ipv4 = z.string().refine(isIPv4, "must be an IPv4 address such as 10.77.0.10");
/** One address, or all addresses that begin alike. */
export const addressRange = z
  .string()
  .refine(isAddressRange, "must be an IPv4 address or range such as 192.0.2.10 or 192.0.2.0/24");
export const port = z.int().min(1).max(65535);
export const hostName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, "must be lower-case letters, digits and dashes");
export const containerName = z
  .string()
  .regex(/^[a-z]([a-z0-9-]{0,60}[a-z0-9])?$/, "must be a host name: lower-case letters, digits and dashes");
