"""The room that runs git: addresses, mirrors, receipt, fitting and the repositories handed to the sandbox."""
