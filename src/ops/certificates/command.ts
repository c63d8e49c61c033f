import type { Command } from "commander";
import { stackOption } from "../stack-option.ts";

/** `veza certs …` */
export function certificatesCommand(program: Command): void {
  const certs = program
    .command("certs")
    .description("show the certificates that a stack has from its CA, or have them renewed");
  certs
    .command("list", { isDefault: true })
    .description(
      "show each certificate: names, state, issuer, time left, last attempt (what `certs` alone does)",
    )
    .addOption(stackOption())
    .option("--json", "print them as a JSON array")
    .addHelpText(
      "after",
      `
Ends with 0 when every certificate is issued, none failed its last attempt, none has less than a tenth of its lifetime
left, and none was left unlooked at for longer than such a tenth; with 2 when one is not so; with 1 when the load balancer could not be asked.
Example: bin/veza certs --stack prod`,
    )
    .action(async ({ stack, json }: { stack: string; json?: boolean }) => {
      const [{ readStack }, { certificatesOf }, { certificateTable }] = await Promise.all([
        import("../stack.ts"),
        import("./certificates.ts"),
        import("./report.ts"),
      ]);
      const certificates = await certificatesOf(await readStack(stack), new Date());
      if (json === true) console.log(JSON.stringify(certificates, null, 2));
      else if (certificates.length === 0)
        console.log(`Stack ${stack} issues no certificates: its config has no veza-edge:letsencrypt.`);
      else console.log(certificateTable(certificates, stack));
      if (certificates.some(({ problems }) => problems.length > 0)) process.exitCode = 2;
    });
  certs
    .command("renew")
    .description("ask the CA for certificates that are due: all, or the one with a name")
    .argument("[name]", "any name of the certificate")
    .addOption(stackOption())
    .option("--force", "also when it is not due, and after many failures within the hour")
    .addHelpText(
      "after",
      `
Ends with 0 when all that was due was renewed. A time that the CA itself has named is waited for in any case.
Example: bin/veza certs renew www.veza.fr --stack prod --force`,
    )
    .action(async (name: string | undefined, { stack, force }: { stack: string; force?: boolean }) => {
      const [{ readStack }, { renewCertificates }] = await Promise.all([
        import("../stack.ts"),
        import("./certificates.ts"),
      ]);
      const asked = { name, force: force === true };
      process.exitCode = await renewCertificates(await readStack(stack), asked, (text) => {
        console.log(text);
      });
    });
}
