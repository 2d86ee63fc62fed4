# What the line of the voice tests says, in Korean.

thanks-for-recording = 녹음에 동의해 주셔서 감사합니다.
nothing-is-recorded = 녹음은 하지 않습니다.
what-would-you-like = 무엇을 도와드릴까요? { $hearing ->
    [voice] 라면 또는 여름이라고 말씀하시거나, 라면은 일 번, 여름 메뉴는 이 번을 눌러 주세요.
   *[keys] 라면은 일 번, 여름 메뉴는 이 번을 눌러 주세요.
 } 천천히 생각하셔도 됩니다. 저희 식당의 라면은 매일 아침 새로 끓이고, 여름 메뉴는 유월부터 팔월까지 준비합니다.
noodles =
    .hear = 라면 | 라면 주세요
summer =
    .hear = 여름 | 여름 메뉴
noodles-noted = 라면을 주문하셨습니다.
summer-explained = 여름 메뉴에는 시원한 국수가 있습니다.
anything-else = 더 도와드릴 일이 있습니까? { $hearing ->
    [voice] 네 또는 아니에요라고 말씀하시거나, 네는 일 번, 아니에요는 이 번을 눌러 주세요.
   *[keys] 있으면 일 번, 없으면 이 번을 눌러 주세요.
 }
yes-more =
    .hear = 네 | 네 네
no-thanks =
    .hear = 아니에요 | 아니 에 요
a-colleague-takes-over = 주문 내용을 직원에게 전하겠습니다.
