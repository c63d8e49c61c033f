import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  globalIgnores(["node_modules", "dist", "**/templates/**"]),
  {
    files: ["**/*.ts"],
    extends: [
      js.configs.recommended,
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked,
    ],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/no-import-type-side-effects": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: false }],
      // A name is worth its line also where it could be left out.
      "@typescript-eslint/no-unnecessary-type-parameters": "off",
      // Type checking asks for `process.env["X"]`; this rule asks for the opposite.
      "@typescript-eslint/dot-notation": "off",
      // `||` is meant where an empty string counts as missing.
      "@typescript-eslint/prefer-nullish-coalescing": ["error", { ignorePrimitives: { string: true } }],
      eqeqeq: "error",
      "no-console": "off",
    },
  },
  {
    // Pulumi resources are made for their effect on the engine.
    files: ["src/**/*.ts", "stacks/**/*.ts", "test/program/**/*.ts"],
    rules: { "no-new": "off" },
  },
  {
    files: ["**/*.js"],
    extends: [js.configs.recommended],
    languageOptions: { globals: { process: "readonly" } },
  },
);
