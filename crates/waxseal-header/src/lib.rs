//! E-mail header fields as spans over one buffer, message splitter, DKIM tag lists and addresses
