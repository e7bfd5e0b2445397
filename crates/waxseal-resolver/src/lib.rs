//! DNS resolvers for waxseal: a blocking stub over std sockets, hickory for async, and a bounded cache
