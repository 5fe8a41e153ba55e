"""The live view of runs: frames are read from the database, so any process can show any run."""
