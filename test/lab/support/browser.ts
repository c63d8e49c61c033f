import { chromium, type Browser, type Page } from "playwright-core";
import { browser as program } from "../../../tools/machine/programs.ts";
import { whereIs } from "../../../tools/machine/path.ts";

/** A page in a real browser, and what it did there. */
export interface OpenPage {
  readonly page: Page;
  /** Origins that it asked for anything. */
  readonly origins: ReadonlySet<string>;
  /** What it complained of: errors of its scripts, and answers that it could not use. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** @throws Error when there is no browser on this machine, with the packages that bring one */
export async function openPage(url: string): Promise<OpenPage> {
  const executablePath = whereIs(program.program);
  if (executablePath === undefined)
    throw new Error(`${program.program} is missing: apt-get install ${program.packages.join(" ")}`);
  const browser: Browser = await chromium.launch({ executablePath });
  const page = await browser.newPage({ viewport: { width: 1100, height: 760 } });
  const origins = new Set<string>();
  const complaints: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith("data:")) origins.add(new URL(request.url()).origin);
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(url);
  return { page, origins, complaints, close: () => browser.close() };
}
