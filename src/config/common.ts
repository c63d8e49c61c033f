import { isIPv4 } from "node:net";
import { z } from "zod";

/** Pieces that the rooms' schemas share. */
export const ipv4 = z.string().refine(isIPv4, "must be an IPv4 address such as 10.77.0.10");
export const port = z.int().min(1).max(65535);
export const hostName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, "must be lower-case letters, digits and dashes");
export const containerName = z
  .string()
  .regex(/^[a-z]([a-z0-9-]{0,60}[a-z0-9])?$/, "must be a host name: lower-case letters, digits and dashes");
