//! Every problem that checking and evaluation can report, with its words.
