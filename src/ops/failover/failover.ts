import { hostDocument } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { HostError, say } from "../host-shell.ts";
import { look } from "../postgres/look.ts";
import { PostgresSays } from "../postgres/says.ts";
import { lockPostgres, nodeNamed, type PostgresSite } from "../postgres/site.ts";
import { planFailover } from "./plan.ts";

export interface FailoverTalk {
  /** A line for the person. */
  line(text: string): void;
  /** Asks for a line. */
  ask(question: string): Promise<string>;
}

/** What has to be typed where the lost node's host cannot be asked to stop it. */
export const powerIsOff = "power is off";

const fenceSeconds = 300;
const promoteSeconds = 60;

/** What stands in the way. */
export class FailoverError extends Error {
  override readonly name = "FailoverError";
}

/**
 * Promotes the standby of a primary that is gone for good. Only once the old one is proven to be off: its container is
 * stopped and does not start again, or a person says that its machine has no power.
 * @throws FailoverError when it is refused, or not agreed to
 */
export async function forceFailover(site: PostgresSite, talk: FailoverTalk): Promise<void> {
  const lock = await lockPostgres(site, "failover");
  try {
    const problem = (text: string): void => {
      talk.line(text);
    };
    const plan = planFailover(await look(site, problem));
    if (plan.kind === "refused")
      throw new FailoverError(`no failover:\n${plan.reasons.map((reason) => `  ✗ ${reason}`).join("\n")}`);
    const { lost, to, loss, silentRouters } = plan;
    talk.line(`${lost} is taken out for good, and ${to} becomes the primary.`);
    talk.line(loss);
    if ((await talk.ask(`Type the name of the node that becomes the primary:`)) !== to)
      throw new FailoverError("another name was typed. Nothing was changed");
    await fence(site, lost, talk);
    // Nobody may go on with a flip that was begun before this.
    const says = new PostgresSays({
      ...site,
      routers: site.routers.filter(({ name }) => !silentRouters.includes(name)),
    });
    await says.routers("close", lost);
    await says.node(to, ["promote --peer-is-gone"], promoteSeconds);
    talk.line(`${to}: promoted`);
    await says.routers("open", to);
    talk.line(`${to} is the primary, and alone.`);
    for (const name of silentRouters)
      talk.line(`✗ ${name} could not be told, and follows by its own checks when it is back`);
    talk.line(
      `When ${lost} is to come back: incus config set ${lost} boot.autostart=true --project ${site.project}; incus start ${lost} --project ${site.project}; bin/veza rebuild-standby ${lost}. It takes no writes meanwhile.`,
    );
  } finally {
    await lock.release();
  }
}

async function fence(site: PostgresSite, lost: string, talk: FailoverTalk): Promise<void> {
  const script = [
    readScript(new URL("../postgres/", import.meta.url).href, "step.sh"),
    readScript(import.meta.url, "fence.sh"),
  ].join("");
  const parameters = { PROJECT: site.project, NOTE: "", CONTAINER: lost };
  try {
    await say(
      site.host(nodeNamed(site, lost).host),
      hostDocument({ parameters, script }),
      "step",
      fenceSeconds,
    );
    talk.line(`${lost}: its container is stopped, and does not start with its host`);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    talk.line(`✗ ${error.message}`);
    talk.line(
      `${lost} cannot be proven to be off from here. While it runs, it may take writes that nobody will ever see. Pull its plug, or have it pulled, then say so.`,
    );
    if (
      (await talk.ask(`Type '${powerIsOff}' when the machine that has ${lost} has no power:`)) !== powerIsOff
    )
      throw new FailoverError("that was not typed. Nothing was promoted");
  }
}
