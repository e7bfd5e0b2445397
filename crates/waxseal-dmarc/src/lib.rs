//! DMARC (RFC 9989): records, DNS tree walk, alignment and disposition, fed by anyone's DKIM and SPF results
