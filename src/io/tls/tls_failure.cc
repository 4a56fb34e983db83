#include "io/tls/tls_failure.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

namespace espat::io {

namespace {

constexpr std::string_view kBadPsk =
    "the server does not accept the pre-shared key or its identity (AT+CIPSSLCPSK)";
constexpr std::string_view kNothingInCommon = "no protocol version or cipher in common";
constexpr std::string_view kNoClientCertificate =
    "the server requires a client certificate (AT+CIPSSLCCONF auth_mode 1 or 3)";

std::string day_of(const tm& time) {
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &time)};
}

std::string day_of(time_t time) {
  tm parts{};
  ::gmtime_r(&time, &parts);
  return day_of(parts);
}

std::string day_of(const ASN1_TIME* time) {
  tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? day_of(parts) : "an unreadable date";
}

/// The common name, which a peer may have filled with anything.
std::string common_name_of(const X509_NAME* name) {
  std::array<char, 80> text{};
  const int length = X509_NAME_get_text_by_NID(name, NID_commonName, text.data(), text.size());
  if (length < 0) return "no CN";
  const auto kept = std::min(static_cast<size_t>(length), text.size() - 1);
  return "CN=" + std::string(text.data(), kept);
}

std::string describe_alert(int alert, const TlsCircumstances& about) {
  const std::string peer = about.server ? "the client" : "the server";
  switch (alert) {
    case SSL_AD_HANDSHAKE_FAILURE:
      if (about.certificate_withheld) return std::string(kNoClientCertificate);
      return about.psk ? std::string(kBadPsk) : peer + " says: " + std::string(kNothingInCommon);
    case SSL_AD_PROTOCOL_VERSION:
    case SSL_AD_INSUFFICIENT_SECURITY:
      return peer + " says: " + std::string(kNothingInCommon);
    case TLS13_AD_CERTIFICATE_REQUIRED:
      return std::string(kNoClientCertificate);
    case TLS1_AD_UNKNOWN_PSK_IDENTITY:
      return std::string(kBadPsk);
    case SSL_AD_BAD_RECORD_MAC:
    case SSL_AD_DECRYPT_ERROR:
      if (about.psk && !about.open) return std::string(kBadPsk);
      break;
    case SSL_AD_NO_APPLICATION_PROTOCOL:
      return "no application protocol in common (AT+CIPSSLCALPN)";
    case SSL_AD_UNKNOWN_CA:
      return peer + " does not know the CA of our certificate";
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_BAD_CERTIFICATE:
      return peer + " refuses our certificate: " + SSL_alert_desc_string_long(alert);
    default:
      break;
  }
  return peer + " gave up: " + SSL_alert_desc_string_long(alert);
}

}  // namespace

std::string describe_certificate(X509_STORE_CTX* check, bool peer_is_server,
                                 std::string_view common_name, time_t now) {
  const X509* certificate = X509_STORE_CTX_get_current_cert(check);
  const int error = X509_STORE_CTX_get_error(check);
  const std::string side = peer_is_server ? "the server's certificate" : "the client's certificate";
  if (certificate == nullptr) return side + ": " + X509_verify_cert_error_string(error);

  const bool own = X509_STORE_CTX_get_error_depth(check) == 0;
  const std::string subject = common_name_of(X509_get_subject_name(certificate));
  const std::string what = (own ? side : "a CA of " + side) + " (" + subject + ")";
  const std::string clock = "the module's clock says " + day_of(now);
  const std::string ca = peer_is_server ? "client_ca" : "server_ca";
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return what + " has expired on " + day_of(X509_get0_notAfter(certificate)) + " (" + clock +
             ")";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return what + " is not valid before " + day_of(X509_get0_notBefore(certificate)) + ": " +
             clock + ", set it with AT+CIPSNTPCFG or AT+SYSTIMESTAMP";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return what + " is self-signed and not in " + ca;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return what + " is not in " + ca;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return what + " is signed by an unknown CA (issuer " +
             common_name_of(X509_get_issuer_name(certificate)) + "): " + ca + " does not fit";
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return what + " is not for '" + std::string(common_name) + "' (AT+CIPSSLCCN)";
    case X509_V_ERR_INVALID_PURPOSE:
      return what + " is not made for a " + (peer_is_server ? "server" : "client");
    default:
      return what + ": " + X509_verify_cert_error_string(error);
  }
}

std::string describe_failure(const TlsCircumstances& about) {
  // A cipher's own complaint may stand before what TLS makes of it.
  const bool of_tls = ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL;
  const unsigned long error = of_tls ? ERR_peek_error() : ERR_peek_last_error();
  const int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  const char* text = ERR_reason_error_string(error);
  ERR_clear_error();
  if (!about.certificate_fault.empty()) return std::string(about.certificate_fault);
  if (reason >= SSL_AD_REASON_OFFSET) {  // an alert of the peer
    return describe_alert(reason - SSL_AD_REASON_OFFSET, about);
  }
  std::string words = text != nullptr ? text : "OpenSSL gives no reason";
  switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "the client sent no certificate";
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_GROUPS:
      return std::string(kNothingInCommon);
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
      return "a record was damaged on the way (" + words + ")";
    default:
      break;
  }
  if (!about.open && !about.peer_spoke) return "the peer does not speak TLS (" + words + ")";
  return words;
}

}  // namespace espat::io
