# The engine's own texts, in Korean: the opening, the commands that are always there, and the sentences around a handover.
# { $hearing } is `voice` where the caller can be heard and `keys` where only the keypad works.
# Each prompt of the opening stays within 12 seconds when spoken (candor check measures it).
# No particle follows a value: which one is right depends on its last sound.

spoken-dot = 점
spoken-slash = 슬래시
spoken-hyphen = 하이픈

# Purposes, as they stand before "목적으로".
purpose-service-quality = 서비스 개선
purpose-staff-training = 직원 교육
purpose-agreement-evidence = 합의 내용 보관
purpose-dispute-evidence = 분쟁 해결
purpose-complaint-handling = 불만 처리

disclosure-automated = 안녕하세요, { $organisation } 자동 상담입니다. 저는 사람이 아니라 컴퓨터입니다. { $hearing ->
    [voice] 직원은 어라 또는 영 번입니다.
   *[keys] 직원은 영 번입니다.
 }
disclosure-nothing = 이 통화는 전혀 녹음하지 않습니다.
disclosure-consent = 동의하시면 { $purpose } 목적으로 녹음하고 { $days }일 동안 보관합니다. 고객님의 권리는 { $notice } 참조.
disclosure-contract = 합의 내용은 계약에 필요하므로 녹음하고 { $days }일 동안 보관합니다. 고객님의 권리는 { $notice } 참조.
disclosure-legitimate-interest = 정당한 이익에 따라 { $purpose } 목적으로 녹음하고 { $days }일 동안 보관합니다. 거부는 별표 구 번. { $notice } 참조.

consent-question = { $purpose } 목적으로 녹음할까요? { $hearing ->
    [voice] 네 또는 일 번, 아니에요 또는 이 번.
   *[keys] 동의는 일 번, 거절은 이 번.
 } 거절해도 똑같이 돕고, 언제든 멈춥니다.
consent-reask = 죄송합니다, 분명하지 않았습니다. 녹음은 일 번, 거절은 이 번을 누르세요. 선택하지 않으시면 녹음하지 않습니다.
consent-given = 감사합니다. 지금부터 녹음합니다. { $hearing ->
    [voice] 멈추려면 마라라고 말씀하시거나 별표 구 번을 누르세요.
   *[keys] 멈추려면 별표 구 번을 누르세요.
 }
consent-refused = 알겠습니다. 그 목적으로는 녹음하지 않고 그대로 계속합니다. { $hearing ->
    [voice] 직원을 원하시면 어라라고 말씀하시거나 영 번을 누르세요.
   *[keys] 직원을 원하시면 영 번을 누르세요.
 }
consent-withdrawn = 녹음을 멈추고 동의를 철회했습니다. 녹음된 내용은 지웠습니다. 그대로 계속합니다.
consent-withdrawn-kept = 동의하신 녹음은 멈췄습니다. 일부는 다른 근거로 보관될 수 있습니다. 어느 부분인지는 { $notice } 참조.
consent-withdrawn-pending = 녹음을 멈추고 동의를 철회했습니다. 녹음된 내용은 곧 지웁니다. 그대로 계속합니다.
consent-objected = 거부 의사를 기록하고 녹음을 멈췄습니다. 녹음된 내용은 지웠습니다. 그대로 계속합니다.
not-informed = 무엇을 녹음하는지 제대로 알려 드리지 못했습니다. 그래서 아무것도 녹음하지 않습니다. 그대로 계속합니다.
recording-failed = 장애가 생겨 지금부터 아무것도 녹음하지 않습니다. 그대로 계속합니다.

language-offer = 한국어는 { $hearing ->
    [voice] 한국어라고 말씀하시거나 별표 일 번을 누르세요.
   *[keys] 별표 일 번을 누르세요.
 }

no-input = 아무 말씀도 듣지 못했습니다.
no-match = { $hearing ->
    [voice] 이해하지 못했습니다.
   *[keys] 여기서는 쓰지 않는 번호입니다.
 }
keys-only = 여기서는 말씀을 알아들을 수 없습니다. 전화기의 번호를 눌러 주세요.
say-again-or-key = 이해하지 못했습니다. 천천히 다시 말씀하시거나 전화기의 번호를 눌러 주세요.
digits-wrong = 번호가 맞지 않습니다.
value-wrong = 그 값은 맞지 않습니다.
read-back-keys = { $hearing ->
    [voice] 맞습니까? 네라고 말씀하시거나 일 번을 누르세요. 다시 하려면 아니에요라고 말씀하시거나 이 번을 누르세요.
   *[keys] 맞으면 일 번, 다시 하려면 이 번을 누르세요.
 }
option-understood = 이렇게 이해했습니다. { $understood-option }.
engine-failed = 지금은 잘 들리지 않습니다. 번호를 누르시거나, 직원을 원하시면 영 번을 누르세요.
read-back-failed = 지금은 번호를 읽어 드릴 수 없습니다. 다시 눌러 주시거나, 직원을 원하시면 별표와 영 번을 누르세요.
cannot-be-said = 지금은 말씀드릴 수 없는 내용이 있습니다. 직원을 원하시면 별표와 영 번을 누르세요.

handover-refused = 직원에게 연결합니다. 녹음을 원하지 않으신다는 점과 문의 내용은 직원이 알고 있습니다.
handover-given = 직원에게 연결합니다. 제 녹음은 지금 멈춥니다. 직원이 녹음하려면 먼저 여쭤봅니다.
handover-plain = 직원에게 연결합니다. 문의 내용은 직원이 알고 있습니다.
handover-closed = 지금은 직원이 없습니다. 제가 도와드리겠습니다.
handover-nobody = 지금은 통화할 수 있는 직원이 없습니다. 제가 도와드리고, 아무것도 녹음하지 않습니다.
handover-back = 네, 제가 계속 도와드리겠습니다. 아무것도 녹음하지 않습니다.
handover-lost = 직원과의 연결이 끊어졌습니다. 대기 순서는 그대로입니다.
queue-place = 대기 순서는 { $place } 번입니다. 기다리시는 동안 아무것도 녹음하지 않습니다.
queue-choices = 저와 계속하시려면 일 번을 누르세요.
queue-choices-call-back = 저와 계속하시려면 일 번, 전화를 받으시려면 이 번을 누르세요.
call-back-number = 전화받으실 번호를 누르고 우물 정자를 누르세요.
call-back-confirm = { $call-back-number } 번이 맞습니까? 맞으면 일 번, 틀리면 이 번을 누르세요.
call-back-noted = 직원이 전화드리겠습니다. 번호는 직원만 볼 수 있고 나중에 지웁니다. 제가 계속 도와드리겠습니다.
call-back-failed = 번호를 저장하지 못했습니다. 죄송합니다.
call-back-pending = 번호를 저장하는 데 시간이 더 걸립니다. 저장되면 전화드리겠습니다.
call-back-none = 번호를 받지 않았습니다.
shutdown = 시스템이 곧 멈춥니다. 직원에게 연결합니다.
shutdown-nobody = 시스템이 곧 멈추고 지금은 직원이 없습니다. 나중에 다시 전화해 주세요. 죄송합니다. 안녕히 계세요.
goodbye = 전화해 주셔서 감사합니다. 안녕히 계세요.

# What is listened for in every state. 어라 and 마라 are what the test model understands of a synthetic voice.
command-person =
    .hear = 어라 | 상담원 | 직원 | 사람 바꿔 주세요
command-repeat =
    .hear = 다시 | 다시 말해 주세요
command-stop =
    .hear = 마라 | 녹음 중지 | 녹음 그만 | 녹음하지 마세요
command-ask-again =
    .hear = 다시 녹음 | 녹음해도 돼요
command-language =
    .hear = 한국어
read-back-yes =
    .hear = 네 | 맞아요 | 맞습니다
read-back-no =
    .hear = 아니에요 | 아니 에 요 | 틀려요

# What callers say to show that they listen. Said into a prompt it stops nothing, unless it answers the question.
backchannel =
    .hear = 네 | 예 | 음 | 어 | 아 | 그래요 | 그렇군요 | 알겠습니다 | 좋아요
