//! Other people's messages with the verdicts that they expect.
